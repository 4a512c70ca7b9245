"""The catalog in PostgreSQL: connections, transactions, the schema's age, and errors a user can act on.

Connections are pooled, as opening one makes the server start a process; they are tried before they are used, so that a
server that was started again is not noticed. A writer takes an advisory lock at its start, which ends with its
transaction or its connection. It reads at READ COMMITTED, where each statement sees what was committed before: with one
snapshot for all, taken before the lock was got, it would not see what the writer before has done.
"""

from __future__ import annotations

import os
import weakref
from contextlib import contextmanager
from typing import TYPE_CHECKING

import sqlalchemy as sa

from bentoml._util.optional import require
from bentoml.exceptions import BentoMLConfigException, MissingDependencyException, YataiServiceException
from bentoml.yatai import migrations
from bentoml.yatai.database import CatalogUnavailable, schema_revision, without_password

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import URL, Connection, Engine

# The one advisory lock of a catalog; any number that nobody else uses in this database.
_WRITER_LOCK = 0x62656E746F6D6C01

# How long a writer waits for others, and for its own process before the server takes it for dead; transactions take
# milliseconds.
_PATIENCE_S = 60

_POOL_SIZE = 4  # kept open
_POOL_OVERFLOW = 12  # opened for a rush, then closed

# A server behind a broken network is given up after this time, and a connection that it dropped after about a minute.
_CONNECTION_OPTIONS = {
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "application_name": "bentoml",
}

_READ = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
_WRITE = (
    "SET TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE",
    f"SET LOCAL lock_timeout = '{_PATIENCE_S}s'",
    f"SET LOCAL idle_in_transaction_session_timeout = '{_PATIENCE_S}s'",
)
_WAIT_FOR_OTHERS = f"SELECT pg_advisory_xact_lock({_WRITER_LOCK})"
_WITHOUT_WAITING_FOR_DISK = "SET LOCAL synchronous_commit = off"

_MAY_WRITE = """
SELECT current_setting('transaction_read_only') = 'off'
   AND (to_regclass('locks') IS NULL OR has_table_privilege('locks', 'INSERT, DELETE'))
"""

# What to do about an error, by the first part of its SQLSTATE that is found here.
_ADVICE_BY_STATE = {
    "25006": "connect to a server that takes writes, not to a standby",
    "25P03": "this process was stopped for too long in the middle of a change, which was undone; try again",
    "42501": "let the owner of the database grant this role what it needs",
    "42P01": "its tables are gone; try again, they are made anew",
    "53100": "free some space on the server's disk and try again",
    "53300": "too many clients are connected; raise max_connections of the server, or use a connection pooler",
    "55P03": f"another process has kept it locked for {_PATIENCE_S} s; end that process and try again",
    "57P": "the server is being stopped or started; try again",
    "08": "the connection was lost; try again",
    "22": "the catalog cannot hold this value",
}
# States that another time may end: no connection, too many of them, a lock, the server's start and stop.
_PASSING = ("08", "53300", "55P03", "57P")
# Errors before there is a connection have no SQLSTATE.
_ADVICE_BY_TEXT = {
    "password": "check user and password in yatai.database.url, or in PGPASSWORD or ~/.pgpass",
    "no pg_hba.conf entry": "let the server's pg_hba.conf admit this machine and user",
    'database "': "make it with: createdb NAME; or correct yatai.database.url",
    'role "': "make it with: createuser NAME; or correct yatai.database.url",
    "too many": _ADVICE_BY_STATE["53300"],
    "remaining connection slots": _ADVICE_BY_STATE["53300"],
    "terminating connection": _ADVICE_BY_STATE["08"],
    "closed": _ADVICE_BY_STATE["08"],
    "lost": _ADVICE_BY_STATE["08"],
}
_REACH_ADVICE = "start the server, or correct yatai.database.url"


class PostgresDatabase:
    """A `Database` on a PostgreSQL server.

    Args:
        url: `postgresql://user:password@host:port/database`, with parameters of libpq such as `?sslmode=require`. What
            it leaves out comes from libpq's variables (`PGPASSWORD`, ...) and files.

    Raises:
        BentoMLConfigException: the address is malformed.
        MissingDependencyException: the driver is not installed.
    """

    def __init__(self, url: str) -> None:
        parsed = _parse(url)
        self.place = without_password(parsed.set(drivername="postgresql").render_as_string())
        self._up_to_date = False
        self._may_write: bool | None = None
        self._pid = os.getpid()
        self._engine = _make_engine(parsed)
        weakref.finalize(self, _dispose, self._engine, self._pid)

    @property
    def read_only(self) -> bool:
        """Whether this role may not write, or the server takes no writes."""
        if self._may_write is None:
            with self._begin() as connection:
                self._may_write = bool(connection.exec_driver_sql(_MAY_WRITE).scalar())
        return not self._may_write

    @contextmanager
    def read(self) -> Iterator[Connection | None]:
        """See `Database`."""
        with self._begin(_READ) as connection:
            revision = migrations.HEAD if self._up_to_date else self._revision(connection)
            if revision in {None, migrations.HEAD}:
                self._up_to_date = revision is not None
                yield connection if self._up_to_date else None
                return
        self._migrate()
        with self._begin(_READ) as connection:
            yield connection

    @contextmanager
    def write(self, *, durable: bool = False) -> Iterator[Connection]:
        """See `Database`."""
        if not self._up_to_date:
            self._migrate()
        waiting = () if durable else (_WITHOUT_WAITING_FOR_DISK,)
        with self._begin(*_WRITE, *waiting, _WAIT_FOR_OTHERS) as connection:
            yield connection

    @contextmanager
    def kept_open(self) -> Iterator[None]:
        """See `Database`. The pool does it."""
        yield

    def close(self) -> None:
        """See `Database`."""
        self._forget_connections_of_parent()
        self._engine.dispose()

    def _migrate(self) -> None:
        """Make or upgrade the schema, unless another process has done so."""
        with self._begin(_READ) as connection:
            revision = self._revision(connection)
        if revision != migrations.HEAD:
            with self._begin(*_WRITE, _WAIT_FOR_OTHERS) as connection:
                _check_encoding(connection, self.place)
                if self._revision(connection) != migrations.HEAD:
                    migrations.upgrade(connection)
        self._up_to_date = True

    def _revision(self, connection: Connection) -> str | None:
        return schema_revision(connection, self.place, "use another database")

    @contextmanager
    def _begin(self, *statements: str) -> Iterator[Connection]:
        """A connection inside a transaction that begins with `statements`."""
        self._forget_connections_of_parent()
        try:
            with self._engine.begin() as connection:
                if statements:
                    connection.exec_driver_sql("; ".join(statements))  # one message to the server
                yield connection
        except sa.exc.IntegrityError:
            raise  # about the rows, not the database: the catalog's to judge
        except (sa.exc.DBAPIError, sa.exc.TimeoutError) as error:
            raise self._as_ours(error) from error

    def _forget_connections_of_parent(self) -> None:
        """After a fork both processes would talk over the same sockets."""
        if self._pid != os.getpid():
            self._engine.dispose(close=False)
            self._pid = os.getpid()

    def _as_ours(self, error: sa.exc.DBAPIError | sa.exc.TimeoutError) -> YataiServiceException:
        if isinstance(error, sa.exc.TimeoutError):
            return CatalogUnavailable(
                f"The bundle catalog {self.place} cannot be used: all {_POOL_SIZE + _POOL_OVERFLOW} connections of "
                f"this process were busy for {_PATIENCE_S} s; try again"
            )
        state = getattr(error.orig, "sqlstate", None) or ""
        if state == "42P01":
            self._up_to_date = False
        text = " ".join(str(error.orig).split())
        kind = CatalogUnavailable if not state or state.startswith(_PASSING) else YataiServiceException
        return kind(f"The bundle catalog {self.place} cannot be used: {text}; {_advice(state, text.lower())}")


def _parse(url: str) -> URL:
    try:
        return sa.make_url(url).set(drivername="postgresql+psycopg")
    except (sa.exc.ArgumentError, ValueError):
        # Without the cause: it may quote a part of the password.
        raise BentoMLConfigException(
            f"yatai.database.url {without_password(url)!r} cannot be read; write "
            "postgresql://user:password@host:port/database, with %40 for @, %2F for / and %3A for : in the password"
        ) from None


def _make_engine(url: URL) -> Engine:
    _require_driver()
    options = {name: value for name, value in _CONNECTION_OPTIONS.items() if name not in url.query}
    return sa.create_engine(
        url,
        # Prepared statements neither survive a connection pooler nor are planned for the values they get.
        connect_args={**options, "prepare_threshold": None},
        pool_size=_POOL_SIZE,
        max_overflow=_POOL_OVERFLOW,
        pool_timeout=_PATIENCE_S,
        pool_pre_ping=True,
        pool_use_lifo=True,
        hide_parameters=True,
    )


def _require_driver() -> None:
    try:
        require("psycopg", "bentoml[postgres]")
    except MissingDependencyException:
        raise
    except ImportError as error:  # psycopg without the library that it wraps
        raise MissingDependencyException(
            f"psycopg cannot be used ({' '.join(str(error).split())}); run: pip install bentoml[postgres]"
        ) from error


def _dispose(engine: Engine, pid: int) -> None:
    """Close the connections of a database that nobody uses any more, in the process that opened them."""
    if os.getpid() == pid:
        engine.dispose()


def _check_encoding(connection: Connection, place: str) -> None:
    encoding = connection.exec_driver_sql("SHOW server_encoding").scalar()
    if encoding != "UTF8":
        raise YataiServiceException(
            f"The database {place} has the encoding {encoding}, the catalog needs UTF8; make one with: "
            "createdb --encoding=UTF8 --template=template0 NAME"
        )


def _advice(state: str, text: str) -> str:
    for part in (state, state[:3], state[:2]):
        if part in _ADVICE_BY_STATE:
            return _ADVICE_BY_STATE[part]
    if state:
        return "see the log of the server"
    return next((advice for part, advice in _ADVICE_BY_TEXT.items() if part in text), _REACH_ADVICE)
