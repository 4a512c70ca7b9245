"""A client, a server, and a bucket behind it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from bentoml.types import Tag
from bentoml.yatai.remote import RemoteRegistry, RemoteSettings, open_registry
from bentoml.yatai.server.roles import Role
from tests.storage.emulators import Emulator, running_s3
from tests.storage.valve import Valve, valve_before
from tests.yatai.conftest import WriteBundle
from tests.yatai.contract_of_deletion import ContractOfDeletion
from tests.yatai.contract_tools import Put
from tests.yatai.remote.test_contract import TABLES
from tests.yatai.server.live_registry import LiveRegistry, live_registry, make_token

pytestmark = [pytest.mark.environment("storage"), pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with running_s3(tmp_path_factory.mktemp("s3")) as started:
        yield started


@pytest.fixture(scope="module")
def valve(bucket: Emulator) -> Iterator[Valve]:
    with valve_before(bucket.endpoint) as made:
        yield made


@pytest.fixture(scope="module")
def running(
    bucket: Emulator, valve: Valve, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[LiveRegistry, str]]:
    home = tmp_path_factory.mktemp("server")
    token = make_token(home, "ada", Role.ADMIN)
    options = ("--auth", "--repository-type", "s3", "--s3-url", bucket.url("team"), "--s3-endpoint-url", valve.url)
    variables = {name: value for name, value in bucket.variables.items() if name != "AWS_ENDPOINT_URL"}
    with live_registry(home, *options, **variables) as server:
        yield server, token


@pytest.fixture
def registry(running: tuple[LiveRegistry, str], tmp_path: Path) -> Iterator[RemoteRegistry]:
    server, token = running
    opened = open_registry(server.url, RemoteSettings(access_token=token, cache_directory=tmp_path / "cache"))
    yield opened
    opened.close()
    with closing(sqlite3.connect(server.home / "storage.db")) as connection, connection:
        for table in TABLES:
            connection.execute(f"DELETE FROM {table}")


class TestRegistryBeforeBucket(ContractOfDeletion):
    """The registry on a server before a bucket, as a client sees it, as far as files matter."""

    @pytest.fixture
    def put(self, registry: RemoteRegistry, write_bundle: WriteBundle) -> Put:
        return Put(registry, write_bundle)

    @pytest.fixture
    def actor(self) -> str:
        return "ada"


def test_files_come_from_the_bucket_which_never_sees_the_token(
    registry: RemoteRegistry,
    running: tuple[LiveRegistry, str],
    valve: Valve,
    write_bundle: WriteBundle,
    tmp_path: Path,
) -> None:
    server, token = running
    put = Put(registry, write_bundle)
    put("Iris:1")
    before = len(valve.requests)
    registry.fetch(registry.find(Tag("Iris", "1")), tmp_path / "copy")
    asked = [request for request in valve.requests[before:] if request.startswith(b"GET /models/team/blobs/")]
    assert len(asked) >= 3
    assert all(b"X-Amz-Signature=" in request.split(b"\r\n")[0] for request in asked)
    sent = b"".join(valve.requests)
    assert token.encode() not in sent
    assert (tmp_path / "copy" / "Iris" / "iris.py").read_text() == "ANSWER = 42\n"
    assert not (server.home / "cache").exists()
    assert os.access(tmp_path / "copy" / "docker-entrypoint.sh", os.X_OK)
