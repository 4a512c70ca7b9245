"""A look-alike of AWS, moto's server, that boto3 finds by its variables, and a registry with bundles."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from tests.cli.conftest import own_saved
from tests.deploy.aws.cloud import Cloud, engine_on_path
from tests.deploy.plans.conftest import registry, write_bundle
from tests.storage.emulators import Emulator, running_s3

__all__ = ["cloud", "engine", "own_saved", "registry", "write_bundle"]


@pytest.fixture(scope="session")
def look_alike(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """One server for all tests, as it takes long to start."""
    with running_s3(tmp_path_factory.mktemp("aws")) as emulator:
        yield emulator


@pytest.fixture
def cloud(look_alike: Emulator, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """An empty account of nobody, in which the credentials of the environment may do everything."""
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name, value in look_alike.variables.items():
        monkeypatch.setenv(name, value)
    reset = Request(f"{look_alike.endpoint}/moto-api/reset", method="POST")
    with urlopen(reset, timeout=60) as answer:
        assert answer.status == HTTPStatus.OK
    return Cloud(monkeypatch)


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A podman on PATH that builds nothing; the file into which it writes its arguments and what it reads."""
    return engine_on_path(tmp_path, monkeypatch)
