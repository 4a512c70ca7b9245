"""The catalog in an SQLite file: connections, transactions, the schema's age, and errors a user can act on.

Connections are not pooled: opening one takes microseconds, and none can leak into a forked process. A transaction that
writes takes SQLite's write lock at its start (`BEGIN IMMEDIATE`), so what it reads cannot change before it commits; the
system releases that lock when the process dies. Whoever waits for it looks again and again, ever less often, so that
among many the unlucky ones would wait for seconds: the threads of one process queue up, and one of them alone looks.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from bentoml.exceptions import YataiServiceException
from bentoml.yatai import migrations
from bentoml.yatai.database import CatalogUnavailable, schema_revision

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy.engine import Connection

# How long a statement waits for the write lock of another process; transactions take milliseconds.
_BUSY_TIMEOUT_S = 60.0

_WAL_RETRY_S = 0.005

# By process and file: there may be several `SqliteDatabase` of one file, and a fork copies locks that it cannot open.
_queues: dict[tuple[int, Path], threading.Lock] = {}


class SqliteDatabase:
    """A `Database` in one file.

    Args:
        path: the file; made, with its directory, by the first transaction that writes.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._up_to_date = False
        self._engine = sa.create_engine("sqlite://", creator=self._connect, poolclass=NullPool)

    @property
    def place(self) -> str:
        """The path."""
        return str(self.path)

    @property
    def read_only(self) -> bool:
        """Whether this process may not write the file."""
        directory = _existing_parent(self.path)
        return not os.access(directory, os.W_OK) or (self.path.exists() and not os.access(self.path, os.W_OK))

    @contextmanager
    def read(self) -> Iterator[Connection | None]:
        """See `Database`."""
        if not self._exists():
            yield None
            return
        with self._translated(), self._begin("BEGIN") as connection:
            revision = migrations.HEAD if self._up_to_date else self._revision(connection)
            if revision == migrations.HEAD:
                self._up_to_date = True
                yield connection
                return
        if revision is None and self.read_only:
            yield None
            return
        self._migrate()
        with self._translated(), self._begin("BEGIN") as connection:
            yield connection

    @contextmanager
    def write(self, *, durable: bool = False) -> Iterator[Connection]:
        """See `Database`."""
        self._make_ready()
        with self._turn(), self._translated(), self._begin("BEGIN IMMEDIATE", durable=durable) as connection:
            yield connection

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Wait until no other thread of this process writes."""
        queue = _queues.setdefault((os.getpid(), self.path.absolute()), threading.Lock())
        if not queue.acquire(timeout=_BUSY_TIMEOUT_S):
            raise CatalogUnavailable(
                f"The bundle catalog {self.path} cannot be used: another thread kept it locked for "
                f"{_BUSY_TIMEOUT_S:.0f} s; try again"
            )
        try:
            yield
        finally:
            queue.release()

    @contextmanager
    def kept_open(self) -> Iterator[None]:
        """See `Database`.

        SQLite moves the log into the database whenever the last connection closes; here that is once, at the end.
        """
        self._make_ready()
        with self._translated():
            connection = self._connect()
        with closing(connection):
            yield

    def close(self) -> None:
        """See `Database`. No connection is kept."""

    def _make_ready(self) -> None:
        if not self._up_to_date or not self._exists():
            self._migrate()

    def _migrate(self) -> None:
        """Make or upgrade the schema, unless another process has done so."""
        self._make_directory()
        with self._translated():
            with self._begin("BEGIN") as connection:
                revision = self._revision(connection)
            if revision != migrations.HEAD:
                with self._begin("BEGIN IMMEDIATE") as connection:
                    if self._revision(connection) != migrations.HEAD:
                        migrations.upgrade(connection)
        self._up_to_date = True

    def _exists(self) -> bool:
        try:
            self.path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            raise YataiServiceException(
                f"The bundle catalog {self.path} cannot be reached: {error.strerror or error}; "
                "name a directory of yours with BENTOML_HOME"
            ) from error
        return True

    def _make_directory(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise YataiServiceException(
                f"The directory of the bundle catalog {self.path} cannot be made: {error.strerror or error}; "
                "name a writable one with BENTOML_HOME"
            ) from error

    def _revision(self, connection: Connection) -> str | None:
        """The schema's revision; None for an empty database."""
        return schema_revision(connection, self.place, "use another BENTOML_HOME")

    @contextmanager
    def _begin(self, statement: str, *, durable: bool = False) -> Iterator[Connection]:
        """A connection inside a transaction that `statement` opens."""
        with self._engine.begin() as connection:
            connection.exec_driver_sql(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
            connection.exec_driver_sql(statement)
            yield connection

    def _connect(self) -> sqlite3.Connection:
        uri = self.path.absolute().as_uri()
        wal = self.path.with_name(f"{self.path.name}-wal")
        if self.path.exists() and not wal.exists() and self.read_only:
            # Without write access SQLite cannot make the files that WAL needs; nobody writes, so it needs none.
            uri += "?mode=ro&immutable=1"
        # isolation_level=None: the driver adds no BEGIN of its own, `_begin` does.
        connection = sqlite3.connect(uri, timeout=_BUSY_TIMEOUT_S, isolation_level=None, uri=True)
        try:
            self._set_up(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _set_up(self, connection: sqlite3.Connection) -> None:
        (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
        if mode != "wal" and not self.read_only:
            _switch_to_wal(connection)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn what the driver and the system raise into an error that says what to do."""
        try:
            yield
        except sa.exc.IntegrityError:
            raise  # about the rows, not the database: the catalog's to judge
        except (sa.exc.DBAPIError, sqlite3.Error) as error:
            raise self._as_ours(error) from error

    def _as_ours(self, error: sa.exc.DBAPIError | sqlite3.Error) -> YataiServiceException:
        cause = error.orig if isinstance(error, sa.exc.DBAPIError) else error
        text = str(cause)
        is_busy = "locked" in text or "busy" in text
        if "readonly" in text or "unable to open" in text or "attempt to write" in text:
            advice = "check that it and its directory are writable, or name another directory with BENTOML_HOME"
        elif is_busy:
            advice = f"another process kept it locked for {_BUSY_TIMEOUT_S:.0f} s; end that process and try again"
        elif "full" in text:
            advice = "free some space and try again"
        elif "I/O" in text:  # a full disk, too, when SQLite makes the files it needs for reading
            advice = "check the disk and its free space, then try again"
        else:
            advice = (
                "the file is damaged or not ours. Move it away: a new catalog is made, and upload_from_dir registers "
                "bundles from their directories again"
            )
        kind = CatalogUnavailable if is_busy else YataiServiceException
        return kind(f"The bundle catalog {self.path} cannot be used: {text}; {advice}")


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    """Turn on WAL, however many processes do so at once.

    SQLite waits for the locks of others everywhere but here, where two that wait could block each other.
    """
    deadline = time.monotonic() + _BUSY_TIMEOUT_S
    while not _switched_to_wal(connection, give_up=time.monotonic() > deadline):
        time.sleep(_WAL_RETRY_S)


def _switched_to_wal(connection: sqlite3.Connection, *, give_up: bool) -> bool:
    try:
        connection.execute("PRAGMA journal_mode=WAL")
    except sqlite3.OperationalError as error:
        if give_up or "locked" not in str(error):
            raise
        return False
    return True


def _existing_parent(path: Path) -> Path:
    """The nearest directory above `path` that exists."""
    return next(parent for parent in path.absolute().parents if parent.exists())
