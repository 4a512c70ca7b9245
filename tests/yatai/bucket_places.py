"""Buckets for tests of registries, on servers of this machine; a module takes the fixtures by importing them."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.storage.emulators import Emulator, azurite, running_azure, running_gcs, running_s3

__all__ = ["AZURE", "bucket_url", "emulator", "emulator_in"]

SERVERS = {"s3": running_s3, "gs": running_gcs, "azure": running_azure}
KINDS = {"s3": "s3", "gs": "gcs", "azure": "azure"}
AZURE = pytest.param(
    "azure",
    marks=[
        pytest.mark.may_skip("Azurite needs Node"),
        pytest.mark.skipif(azurite() is None, reason="there is no Azurite"),
    ],
)


@pytest.fixture(scope="module")
def emulator_in(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """A server; of which kind a test says by a parameter, else S3."""
    scheme = getattr(request, "param", "s3")
    with SERVERS[scheme](tmp_path_factory.mktemp(scheme)) as emulator:
        yield emulator


@pytest.fixture
def emulator(emulator_in: Emulator, monkeypatch: pytest.MonkeyPatch) -> Emulator:
    """The server, and the variables that reach it."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "GOOGLE_", "AZURE_"))]:
        monkeypatch.delenv(name)
    for name, value in emulator_in.variables.items():
        monkeypatch.setenv(name, value)
    return emulator_in


@pytest.fixture
def bucket_url(emulator: Emulator, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> str:
    """An address that nobody else uses; the configuration names it as the place of bundles."""
    kind = KINDS[emulator.scheme]
    url = emulator.url(f"team/{tmp_path_factory.mktemp('prefix').name}")
    monkeypatch.setenv("BENTOML__YATAI__REPOSITORY__TYPE", kind)
    monkeypatch.setenv(f"BENTOML__YATAI__REPOSITORY__{kind.upper()}__URL", url)
    return url
