"""A registry that a test starts as its users do: a process, a port, signals."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from bentoml.yatai.server.accounts import Accounts
from bentoml.yatai.server.credentials import Credentials
from bentoml.yatai.server.roles import Role, Scope
from bentoml.yatai.sqlite_database import SqliteDatabase
from tests.announced import announced
from tests.plain_http import NO_TLS


class LiveRegistry:
    """A registry in a process of its own."""

    def __init__(self, process: subprocess.Popen[str], printed: list[str], home: Path) -> None:
        self.process = process
        self.printed = printed
        self.home = home

    @property
    def url(self) -> str:
        found = re.search(r"^\* Listening on (https?://\S+)$", "".join(self.printed), re.MULTILINE)
        assert found is not None, self.printed
        return found[1]

    @property
    def port(self) -> int:
        port = httpx.URL(self.url).port
        assert port is not None
        return port

    def client(self, token: str | None = None, **options: object) -> httpx.Client:
        """A client that brings a token; the caller closes it."""
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        given: Any = {"verify": NO_TLS, **options}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30, trust_env=False, **given)

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Exit status, and all of stderr."""
        self.process.send_signal(number)
        _, stderr = self.process.communicate(timeout=60)
        return self.process.returncode, stderr


def environment(home: Path, **variables: str) -> dict[str, str]:
    """Variables of a process with a home of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith("BENTOML")}
    return {**kept, "BENTOML_HOME": str(home), **variables}


@contextmanager
def live_registry(home: Path, *options: str, **variables: str) -> Iterator[LiveRegistry]:
    """Start a registry on a free port, and end it with the block."""
    command = [sys.executable, "-m", "bentoml", "yatai-service-start", "--ui-port", "0", *options]
    with announced(command, environment(home, **variables)) as (process, printed):
        yield LiveRegistry(process, printed, home)


def make_token(home: Path, name: str, role: Role, *patterns: str) -> str:
    """A user of a name, and a token that may do what the user may."""
    database = SqliteDatabase(home / "storage.db")
    scope = Scope(role, patterns or ("*",))
    user = Accounts(database).add(name, scope, None, actor="test")
    secret, _ = Credentials(database).add_token(user, "test", scope, actor="test")
    return secret


def exchange(registry: LiveRegistry, *pieces: bytes) -> bytes:
    """Send bytes, and read until the server closes."""
    with socket.create_connection(("127.0.0.1", registry.port), timeout=30) as sock:
        for piece in pieces:
            sock.sendall(piece)
        answer = b""
        while chunk := sock.recv(65536):
            answer += chunk
        return answer
