"""A registry that is copied while it is written to, lost, and put back as the page about production says."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest

from tests.postgres import PostgresServer, find_postgres
from tests.yatai.server.bundles import push, write_bundle
from tests.yatai.server.live_registry import LiveRegistry, environment, live_registry


class Database:
    """Where a catalog is, and how it is copied and put back."""

    def __init__(self, home: Path, server: PostgresServer | None, name: str) -> None:
        self._file = home / "storage.db"
        self._server = server
        self._name = name
        self.variables = {} if server is None else {"BENTOML__YATAI__DATABASE__URL": server.url(name)}

    def copy_to(self, backup: Path) -> None:
        if self._server is not None:
            self._run("pg_dump", "--format=custom", f"--file={backup / 'yatai.dump'}", self._server.url(self._name))
            return
        with closing(sqlite3.connect(self._file)) as connection:
            connection.execute("VACUUM INTO ?", (str(backup / "storage.db"),))

    def lose(self) -> None:
        for path in self._file.parent.glob("storage.db*"):
            path.unlink()
        if self._server is not None:
            self._server.execute(f"DROP DATABASE {self._name} WITH (FORCE)")

    def put_back(self, backup: Path) -> None:
        if self._server is None:
            shutil.copy(backup / "storage.db", self._file)
            return
        self._server.execute(f"CREATE DATABASE {self._name}")
        self._run("pg_restore", f"--dbname={self._server.url(self._name)}", str(backup / "yatai.dump"))

    def _run(self, program: str, *arguments: str) -> None:
        binaries = find_postgres()
        assert binaries is not None
        subprocess.run([str(binaries / program), *arguments], check=True, capture_output=True)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.may_skip("no PostgreSQL here"))])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    home = tmp_path / "home"
    if request.param == "sqlite":
        return Database(home, None, "")
    name = request.getfixturevalue("empty_postgres_url").rpartition("/")[2]
    return Database(home, request.getfixturevalue("postgres"), name)


@contextmanager
def pushing(running: LiveRegistry, parent: Path) -> Iterator[None]:
    """Somebody pushes one bundle after the other meanwhile."""
    is_over, has_begun = threading.Event(), threading.Event()

    def push_all() -> None:
        number = 0
        with running.client() as client:
            while not is_over.is_set():
                number += 1
                push(client, write_bundle(parent, "Busy", str(number)), f"Busy:{number}")
                has_begun.set()

    with ThreadPoolExecutor(1) as pool:
        pushed = pool.submit(push_all)
        try:
            assert has_begun.wait(60)
            yield
        finally:
            is_over.set()
        pushed.result()


def versions(client: httpx.Client) -> set[str]:
    page = client.get("/api/v1/bundles", params={"limit": 1000}).json()
    return {f"{bundle['name']}:{bundle['version']}" for bundle in page["bundles"]}


def test_copy_that_is_made_while_others_push_gives_back_all_that_was_there(tmp_path: Path, database: Database) -> None:
    home, backup = tmp_path / "home", tmp_path / "backup"
    backup.mkdir()
    with live_registry(home, **database.variables) as running, running.client() as client:
        push(client, write_bundle(tmp_path, "Iris", "1", b"first" * 1000), "Iris:1", {"stage": "prod"})
        push(client, write_bundle(tmp_path, "Iris", "2", b"second" * 1000), "Iris:2")
        client.put("/api/v1/aliases/Iris/production", json={"version": "1"})
        client.delete("/api/v1/bundles/Iris/2")
        with pushing(running, tmp_path):
            before = versions(client)
            # The database first: what it names is in the copy of the files then.
            database.copy_to(backup)
            shutil.copytree(home / "repository", backup / "repository", ignore=shutil.ignore_patterns(".staging"))
        assert running.stop()[0] == 0
    database.lose()
    shutil.rmtree(home)

    home.mkdir()
    database.put_back(backup)
    shutil.copytree(backup / "repository", home / "repository")
    command = [sys.executable, "-m", "bentoml", "yatai", "check", "--deep"]
    done = subprocess.run(
        command, env=environment(home, **database.variables), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    with live_registry(home, **database.variables) as running, running.client() as client:
        assert versions(client) >= before
        assert client.get("/api/v1/bundles/Iris/@production").json()["labels"] == {"stage": "prod"}
        path = "files/Iris/artifacts/model.pkl"
        assert client.get(f"/api/v1/bundles/Iris/1/{path}").content == b"first" * 1000
        # What was deleted can still be restored.
        assert client.post("/api/v1/bundles/Iris/2/restore").status_code == 200
        assert client.get(f"/api/v1/bundles/Iris/2/{path}").content == b"second" * 1000
        push(client, write_bundle(tmp_path, "Iris", "3"), "Iris:3")
