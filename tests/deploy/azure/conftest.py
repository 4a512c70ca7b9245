"""A look-alike of az on PATH, and a registry with bundles."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.cli.conftest import own_saved
from tests.deploy.azure.lookalike import LookAlike, installed
from tests.deploy.plans.conftest import registry, write_bundle

__all__ = ["azure", "own_saved", "registry", "write_bundle"]


@pytest.fixture
def azure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LookAlike:
    """Whoever runs az asks it."""
    found = installed(tmp_path / "az")
    monkeypatch.setenv("PATH", f"{found.file.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("AZ_LOOK_ALIKE", str(found.file))
    return found
