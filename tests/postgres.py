"""A PostgreSQL server for tests, one for each process that runs them, with an empty database for each test.

The server is the one of the machine, its data is thrown away. It refuses to run as root, so root runs it as the user
`postgres`, whom its package has made.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

MISSING = "no PostgreSQL on this machine, so nothing is kept in it; on Debian run: sudo apt-get install postgresql"
START_S = 60.0
TEMPLATE = "migrated"
# The superuser of the tests comes in as he is, everybody else with a password.
HOST_BASED_AUTHENTICATION = """\
host all postgres 127.0.0.1/32 trust
host all all 127.0.0.1/32 scram-sha-256
"""
# Nothing has to survive a crash, and no database is there for long enough to be tidied up.
SETTINGS = {
    "autovacuum": "off",
    "shared_buffers": "16MB",  # is looked through each time a database is made or dropped
    "listen_addresses": "127.0.0.1",
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "100",
    "lc_messages": "C",
}


def find_postgres() -> Path | None:
    """The directory of `postgres` and `initdb` on this machine, the newest where there are several."""
    on_path = shutil.which("postgres")
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: float(path.parts[4]))
    return Path(on_path).resolve().parent if on_path else (found[-1].parent if found else None)


@dataclass(frozen=True)
class PostgresServer:
    """A running server, whose superuser `postgres` needs no password.

    Attributes:
        port: on 127.0.0.1.
        process: of the server.
    """

    port: int
    process: subprocess.Popen[bytes]

    def url(self, database: str, user: str = "postgres") -> str:
        """The address of a database; `user` may have a password, as in `ann:secret`."""
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def execute(self, statement: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run a statement as the superuser, outside a transaction; its rows, if it gives any."""
        import psycopg

        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []


@contextmanager
def running_postgres(binaries: Path) -> Iterator[PostgresServer]:
    """A server with empty databases, for the block."""
    root = Path(tempfile.mkdtemp(prefix="postgres-"))
    data, log = root / "data", root / "log"
    user = "postgres" if os.geteuid() == 0 else None
    if user is not None:
        shutil.chown(root, user, user)
    try:
        initdb = [str(binaries / "initdb"), "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8"]
        initdb += ["--locale=C.UTF-8", "--no-sync"]
        subprocess.run(initdb, check=True, capture_output=True, user=user, group=user, cwd="/")
        (data / "pg_hba.conf").write_text(HOST_BASED_AUTHENTICATION)
        port = _free_port()
        options = [argument for name, value in SETTINGS.items() for argument in ("-c", f"{name}={value}")]
        argv = [str(binaries / "postgres"), "-D", str(data), "-p", str(port), "-k", "", *options]
        with (
            log.open("wb") as output,
            subprocess.Popen(argv, stdout=output, stderr=output, user=user, group=user, cwd="/") as process,
        ):
            try:
                server = PostgresServer(port, process)
                _wait_for(server, log)
                yield server
            finally:
                process.send_signal(signal.SIGQUIT)  # at once, without a checkpoint
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _wait_for(server: PostgresServer, log: Path) -> None:
    deadline = time.monotonic() + START_S
    while not _answers(server):
        assert server.process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)


def _answers(server: PostgresServer) -> bool:
    import psycopg

    try:
        server.execute("SELECT 1")
    except psycopg.OperationalError:
        return False
    return True


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A server; tests are skipped where there is none."""
    binaries = find_postgres()
    if binaries is None:
        pytest.skip(MISSING)
    with running_postgres(binaries) as server:
        yield server


@pytest.fixture(scope="session")
def migrated_template(postgres: PostgresServer) -> str:
    """The name of a database with the tables of a catalog, to be copied."""
    from bentoml.yatai.postgres_database import PostgresDatabase

    postgres.execute(f"CREATE DATABASE {TEMPLATE}")
    database = PostgresDatabase(postgres.url(TEMPLATE))
    with database.write():
        pass
    database.close()
    return TEMPLATE


@pytest.fixture
def empty_postgres_url(postgres: PostgresServer) -> Iterator[str]:
    """The address of a database without tables."""
    yield from _new_database(postgres, "template0")


@pytest.fixture
def postgres_url(postgres: PostgresServer, migrated_template: str) -> Iterator[str]:
    """The address of an empty catalog."""
    yield from _new_database(postgres, migrated_template)


def _new_database(server: PostgresServer, template: str) -> Iterator[str]:
    name = f"test_{uuid.uuid4().hex}"
    server.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    yield server.url(name)
    server.execute(f"DROP DATABASE {name} WITH (FORCE)")
