"""Users: who they are, their passwords, and what they may do. Every change stands in the audit log."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from bentoml.exceptions import FailedPrecondition, InvalidArgument, NotFound
from bentoml.yatai.audit import AuditNote, write_note
from bentoml.yatai.models import utc_now
from bentoml.yatai.schema import sessions, tokens, users
from bentoml.yatai.server.passwords import hash_password
from bentoml.yatai.server.roles import Role, Scope, check_patterns

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from sqlalchemy.engine import Connection

    from bentoml.yatai.database import Database

_is_user_name = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@+-]{0,99}").fullmatch


@dataclass(frozen=True)
class User:
    """One user.

    Attributes:
        id: row of the database.
        name: unique; case counts.
        scope: what they may do.
        has_password: whether they can log in with one, or with tokens alone.
        disabled: whether they are shut out.
        created_at: aware, UTC.
    """

    id: int
    name: str
    scope: Scope
    has_password: bool
    disabled: bool
    created_at: datetime


class UserExists(FailedPrecondition):
    """The name of a user is taken."""


class Accounts:
    """The users of a registry.

    Args:
        database: where they are.
        clock: gives the current time.
    """

    def __init__(self, database: Database, clock: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._clock = clock

    def add(self, name: str, scope: Scope, password: str | None, *, actor: str) -> User:
        """Make a user.

        Args:
            name: of them.
            scope: what they may do.
            password: None lets them use tokens alone.
            actor: who does it.

        Raises:
            InvalidArgument: the name, a pattern or the password cannot be used.
            UserExists: the name is taken.
        """
        if not _is_user_name(name):
            raise InvalidArgument(f"{name!r} is no name of a user; use letters, digits and _ . @ + -, 100 at most")
        check_patterns(scope.patterns)
        values = {
            "name": name,
            "role": scope.role.text,
            "patterns": list(scope.patterns),
            "password_hash": None if password is None else hash_password(password),
            "disabled": False,
            "created_at": self._clock(),
        }
        with self._database.write(durable=True) as connection:
            if connection.execute(sa.select(users.c.id).where(users.c.name == name)).first() is not None:
                raise UserExists(f"there is a user {name} already; choose another name, or change that user")
            connection.execute(sa.insert(users).values(values))
            self._note(connection, actor, "user.add", name, {"role": scope.role.text, "patterns": values["patterns"]})
            return self._find(connection, name)

    def list_users(self) -> list[User]:
        """All users, by name."""
        with self._database.read() as connection:
            rows = [] if connection is None else connection.execute(sa.select(users).order_by(users.c.name)).all()
        return [as_user(row) for row in rows]

    def find(self, name: str) -> User:
        """A user.

        Raises:
            NotFound: there is none of that name.
        """
        with self._database.read() as connection:
            if connection is None:
                raise _no_user(name)
            return self._find(connection, name)

    def change(
        self,
        name: str,
        *,
        actor: str,
        role: Role | None = None,
        patterns: Sequence[str] | None = None,
        password: str | None = None,
        disabled: bool | None = None,
    ) -> User:
        """Change what is given of a user. A new password, and being shut out, end their sessions.

        Raises:
            NotFound: there is none of that name.
            InvalidArgument: a value cannot be used.
            FailedPrecondition: nobody would be left who can look after users.
        """
        changes: dict[str, Any] = {}
        if role is not None:
            changes["role"] = role.text
        if patterns is not None:
            changes["patterns"] = list(check_patterns(patterns))
        if disabled is not None:
            changes["disabled"] = disabled
        told = dict(changes)
        if password is not None:
            changes["password_hash"] = hash_password(password)
            told["password_changed"] = True
        with self._database.write(durable=True) as connection:
            user = self._find(connection, name)
            if changes:
                connection.execute(sa.update(users).where(users.c.id == user.id).values(changes))
            if password is not None or disabled:
                connection.execute(sa.delete(sessions).where(sessions.c.user_id == user.id))
            self._check_administrator(connection)
            self._note(connection, actor, "user.change", name, told)
            return self._find(connection, name)

    def remove(self, name: str, *, actor: str) -> None:
        """Remove a user, with all tokens and sessions.

        Raises:
            NotFound: there is none of that name.
            FailedPrecondition: nobody would be left who can look after users.
        """
        with self._database.write(durable=True) as connection:
            user = self._find(connection, name)
            for table in (tokens, sessions):
                connection.execute(sa.delete(table).where(table.c.user_id == user.id))
            connection.execute(sa.delete(users).where(users.c.id == user.id))
            self._check_administrator(connection)
            self._note(connection, actor, "user.remove", name, {})

    def _check_administrator(self, connection: Connection) -> None:
        """See that somebody can look after the users, unless there are none at all."""
        rows = [as_user(row) for row in connection.execute(sa.select(users)).all()]
        if rows and not any(user.scope.role is Role.ADMIN and not user.disabled for user in rows):
            raise FailedPrecondition("this is the last administrator; make another user one first")

    def _find(self, connection: Connection, name: str) -> User:
        row = connection.execute(sa.select(users).where(users.c.name == name)).first()
        if row is None:
            raise _no_user(name)
        return as_user(row)

    def _note(self, connection: Connection, actor: str, action: str, name: str, detail: dict[str, Any]) -> None:
        write_note(connection, self._clock(), actor, AuditNote(action, "user", name, detail))


def as_user(row: Any) -> User:
    """A user from a row of the table."""
    scope = Scope(Role.parse(row.role), tuple(row.patterns))
    return User(row.id, row.name, scope, row.password_hash is not None, row.disabled, row.created_at)


def _no_user(name: str) -> NotFound:
    return NotFound(f"there is no user {name}; `bentoml yatai user list` shows those there are")
