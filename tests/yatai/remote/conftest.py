"""A registry on a server of its own for each test, and a client of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bentoml.yatai.remote import RemoteRegistry, RemoteSettings, open_registry
from bentoml.yatai.server.roles import Role
from tests.yatai.server.live_registry import LiveRegistry, live_registry, make_token


@pytest.fixture
def client_home(tmp_path: Path) -> Path:
    """Where the client keeps what it has loaded."""
    return tmp_path / "client"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveRegistry]:
    """A registry where everybody may do everything, for tests that use names of their own."""
    with live_registry(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture
def registry(server: LiveRegistry, client_home: Path) -> Iterator[RemoteRegistry]:
    opened = open_registry(server.url, RemoteSettings(cache_directory=client_home))
    yield opened
    opened.close()


def admin_token(home: Path) -> str:
    return make_token(home, "ada", Role.ADMIN)
