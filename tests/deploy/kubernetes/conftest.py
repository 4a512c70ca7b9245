"""A look-alike of a cluster that kubectl finds by its configuration, and a registry with bundles."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import own_saved
from tests.deploy.kubernetes.lookalike import LookAlike, kubectl_or_skip, served
from tests.deploy.plans.conftest import registry, write_bundle

__all__ = ["cluster", "kubectl", "own_saved", "registry", "write_bundle"]


@pytest.fixture
def kubectl() -> str:
    """The program."""
    return kubectl_or_skip()


@pytest.fixture
def cluster(kubectl: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LookAlike]:
    """It is the context `test` of a configuration of kubectl that has no other."""
    found = LookAlike()
    with served(found, tmp_path) as configuration:
        monkeypatch.setenv("KUBECONFIG", str(configuration))
        monkeypatch.setenv("KUBECACHEDIR", str(tmp_path / "kube-cache"))
        yield found
