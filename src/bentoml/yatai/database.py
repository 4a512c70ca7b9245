"""The database under the catalog: what every kind of it promises.

- A transaction that reads sees one state of the catalog.
- One transaction writes at a time, over all processes: what it reads cannot change before it commits. Each takes
  milliseconds, so nothing slow (hashing, network) belongs inside one. None belongs inside another.
- A lock of a process that died is free at once.
- What goes wrong is raised as `YataiServiceException`, which says what to do, and shows no password.
- A `Database` may be used by many threads, and on both sides of a fork.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import sqlalchemy as sa

from bentoml.exceptions import StatusCode, YataiServiceException
from bentoml.yatai import migrations

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from sqlalchemy.engine import Connection


class Database(Protocol):
    """One database."""

    @property
    def place(self) -> str:
        """Where it is, without passwords, for messages."""

    @property
    def read_only(self) -> bool:
        """Whether this process may not write it."""

    def read(self) -> AbstractContextManager[Connection | None]:
        """A transaction that sees one state of the catalog; None when no catalog was made yet.

        Raises:
            YataiServiceException: the database cannot be opened or read.
        """

    def write(self, *, durable: bool = False) -> AbstractContextManager[Connection]:
        """A transaction that no other writer interleaves with; committed at the end of the block.

        A commit survives the end of the process however it comes. A durable one survives the end of the database's
        machine too, at the price of waiting for the disk: for what must not be lost when the files it speaks of are
        changed.

        Raises:
            YataiServiceException: the database cannot be opened or written.
        """

    def kept_open(self) -> AbstractContextManager[None]:
        """Several transactions in a row cost less within the block."""

    def close(self) -> None:
        """Give back the connections that are not in use; the next transaction opens others."""


class CatalogUnavailable(YataiServiceException):
    """The database cannot be reached, or is busy; a moment later it may be otherwise."""

    proto_status_code = StatusCode.UNAVAILABLE


def without_password(url: str) -> str:
    """An address without user name, password and parameters."""
    scheme, separator, rest = url.partition("://")
    # Up to the last `@`: passwords are not always as carefully encoded as they should be.
    return f"{scheme}{separator}{rest.rpartition('@')[2].partition('?')[0]}"


def schema_revision(connection: Connection, place: str, instead: str) -> str | None:
    """The revision of the schema in a database; None for an empty one.

    Args:
        connection: in a transaction.
        place: of the database.
        instead: what may be done when its schema is too new, other than upgrading.

    Raises:
        YataiServiceException: a newer version of the library has made it.
    """
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    revision = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    if revision is not None and str(revision) > migrations.HEAD:
        raise YataiServiceException(
            f"The bundle catalog {place} was written by a newer version of bentoml (schema {revision}, this "
            f"version knows {migrations.HEAD}); upgrade bentoml, or {instead}"
        )
    return None if revision is None else str(revision)
