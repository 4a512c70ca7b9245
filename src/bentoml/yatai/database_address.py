"""Which database an address names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bentoml.exceptions import BentoMLConfigException
from bentoml.yatai.database import without_password
from bentoml.yatai.sqlite_database import SqliteDatabase

if TYPE_CHECKING:
    from bentoml.yatai.database import Database

_POSTGRESQL = {"postgresql", "postgres", "postgresql+psycopg"}
_SQLITE = {"sqlite", "sqlite+pysqlite"}


def open_database(url: str | None, default: Path) -> Database:
    """The database that an address names; it is reached by the first transaction.

    Args:
        url: `sqlite:///relative/path.db`, `sqlite:////absolute/path.db` or
            `postgresql://user:password@host:port/database`; None or empty for the file `default`.
        default: an SQLite file.

    Raises:
        BentoMLConfigException: the address names no database that can be used.
        MissingDependencyException: the driver is not installed.
    """
    if not url:
        return SqliteDatabase(default)
    scheme, separator, rest = url.partition("://")
    if separator and scheme in _POSTGRESQL:
        from bentoml.yatai.postgres_database import PostgresDatabase

        return PostgresDatabase(url)
    path = rest.removeprefix("/").partition("?")[0]
    if scheme not in _SQLITE or not rest.startswith("/") or not path or path.startswith(":memory:"):
        raise BentoMLConfigException(
            f"yatai.database.url {without_password(url)!r} names no database that can be used; write "
            "sqlite:///relative/path.db, sqlite:////absolute/path.db or postgresql://user:password@host/database"
        )
    return SqliteDatabase(Path(path).absolute())
