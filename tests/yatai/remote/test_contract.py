"""What every registry promises, kept by a server and its client."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from bentoml.yatai.remote import RemoteRegistry, RemoteSettings, open_registry
from bentoml.yatai.server.roles import Role
from tests.yatai.registry_contract import RegistryContract
from tests.yatai.server.live_registry import LiveRegistry, live_registry, make_token

TABLES = (
    *("audit", "alias_history", "aliases", "labels", "bento_texts", "uploads", "bentos", "trees", "blobs"),
    *("deployments", "deployment_events"),
)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LiveRegistry, str]]:
    home = tmp_path_factory.mktemp("server")
    token = make_token(home, "ada", Role.ADMIN)
    with live_registry(home, "--auth") as server:
        yield server, token


@pytest.fixture
def registry(running: tuple[LiveRegistry, str], tmp_path: Path) -> Iterator[RemoteRegistry]:
    server, token = running
    opened = open_registry(server.url, RemoteSettings(access_token=token, cache_directory=tmp_path / "cache"))
    yield opened
    opened.close()
    # The next test finds it empty, without the second that another server takes.
    shutil.rmtree(server.home / "repository", ignore_errors=True)
    with closing(sqlite3.connect(server.home / "storage.db")) as connection, connection:
        for table in TABLES:
            connection.execute(f"DELETE FROM {table}")


class TestRemoteRegistry(RegistryContract):
    """The registry on a server, as a client sees it."""

    @pytest.fixture
    def actor(self) -> str:
        return "ada"
