"""A look-alike of AWS, moto's server, that boto3 finds by its variables, and a registry with bundles."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import own_saved
from tests.deploy.aws.cloud import Cloud, engine_on_path
from tests.deploy.plans.conftest import registry, write_bundle
from tests.storage.emulators import running_s3

__all__ = ["cloud", "engine", "own_saved", "registry", "write_bundle"]


@pytest.fixture
def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    """An account of nobody, in which the credentials of the environment may do everything."""
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with running_s3(tmp_path) as emulator:
        for name, value in emulator.variables.items():
            monkeypatch.setenv(name, value)
        yield Cloud(monkeypatch)


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A podman on PATH that builds nothing; the file into which it writes its arguments and what it reads."""
    return engine_on_path(tmp_path, monkeypatch)
