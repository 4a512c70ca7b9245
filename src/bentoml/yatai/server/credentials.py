"""How users prove who they are: passwords, tokens, and the sessions of browsers."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from bentoml.exceptions import NotFound, Unauthenticated
from bentoml.yatai.audit import AuditNote, write_note
from bentoml.yatai.models import utc_now
from bentoml.yatai.schema import sessions, tokens, users
from bentoml.yatai.server.accounts import as_user
from bentoml.yatai.server.passwords import is_password, new_token, secret_hash, token_hash, token_hint
from bentoml.yatai.server.roles import Principal, Role, Scope, check_patterns

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from bentoml.yatai.database import Database
    from bentoml.yatai.server.accounts import User

# When a token was last used is written no more often than that.
_USE_NOTED_EVERY = timedelta(minutes=1)
MAX_LABEL = 100


@dataclass(frozen=True)
class Token:
    """One token, without its secret.

    Attributes:
        id: row of the database.
        user: name of its owner.
        label: what the owner calls it.
        hint: its first characters.
        scope: what it may do, if its owner may do so too.
        created_at: aware, UTC, as the other times.
        last_used_at: to the minute; None for never.
        expires_at: None for never.
        revoked_at: None while it is good.
    """

    id: int
    user: str
    label: str
    hint: str
    scope: Scope
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None


class Credentials:
    """Tokens and sessions of users.

    Args:
        database: where they are.
        clock: gives the current time.
    """

    def __init__(self, database: Database, clock: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._clock = clock

    def check_password(self, name: str, password: str) -> User:
        """The user of a name and a password. It takes some tenths of a second.

        Raises:
            Unauthenticated: they do not belong together, or the user is shut out; the text does not tell which.
        """
        with self._database.read() as connection:
            found = (
                None if connection is None else connection.execute(sa.select(users).where(users.c.name == name)).first()
            )
        kept = found.password_hash if found is not None and not found.disabled else None
        if not is_password(password, kept) or found is None:
            raise Unauthenticated("The user name or the password is wrong")
        return as_user(found)

    def add_token(
        self,
        user: User,
        label: str,
        scope: Scope,
        *,
        actor: str,
        lifetime: timedelta | None = None,
        no_later_than: datetime | None = None,
    ) -> tuple[str, Token]:
        """Make a token.

        Args:
            user: its owner.
            label: what to call it.
            scope: what it may do; never more than its owner.
            actor: who makes it.
            lifetime: None for ever.
            no_later_than: when it is over whatever its lifetime; None lets the lifetime decide.

        Returns:
            The token, which nobody can find out again, and what is kept of it.
        """
        check_patterns(scope.patterns)
        secret, now = new_token(), self._clock()
        asked_end = None if lifetime is None else now + lifetime
        ends = [end for end in (asked_end, no_later_than) if end is not None]
        values = {
            "user_id": user.id,
            "label": label[:MAX_LABEL],
            "hash": secret_hash(secret),
            "hint": token_hint(secret),
            "role": min(scope.role, user.scope.role).text,
            "patterns": list(scope.patterns),
            "created_at": now,
            "expires_at": min(ends, default=None),
        }
        with self._database.write(durable=True) as connection:
            connection.execute(sa.insert(tokens).values(values))
            detail = {"label": values["label"], "role": values["role"], "patterns": values["patterns"]}
            write_note(
                connection, now, actor, AuditNote("token.add", "user", user.name, {**detail, "hint": values["hint"]})
            )
            row = connection.execute(_tokens().where(tokens.c.hash == values["hash"])).one()
        return secret, _as_token(row)

    def list_tokens(self, user: str | None = None) -> list[Token]:
        """All tokens, or those of one user, newest first; those that are revoked included."""
        statement = _tokens().order_by(tokens.c.id.desc())
        if user is not None:
            statement = statement.where(users.c.name == user)
        with self._database.read() as connection:
            rows = [] if connection is None else connection.execute(statement).all()
        return [_as_token(row) for row in rows]

    def revoke_token(self, token_id: int, *, actor: str, user: str | None = None) -> Token:
        """Make a token useless.

        Args:
            token_id: its row.
            actor: who does it.
            user: owner that it must have; None for any.

        Raises:
            NotFound: there is no such token.
        """
        now = self._clock()
        with self._database.write(durable=True) as connection:
            row = connection.execute(_tokens().where(tokens.c.id == token_id)).first()
            if row is None or user not in {None, row.user}:
                raise NotFound(f"there is no token {token_id}; `bentoml yatai token list` shows those there are")
            if row.revoked_at is None:
                connection.execute(sa.update(tokens).where(tokens.c.id == token_id).values(revoked_at=now))
                write_note(connection, now, actor, AuditNote("token.revoke", "user", row.user, {"hint": row.hint}))
            return _as_token(connection.execute(_tokens().where(tokens.c.id == token_id)).one())

    def of_token(self, secret: str) -> Principal:
        """Who a token stands for.

        Raises:
            Unauthenticated: it is unknown, revoked or too old, or its owner is shut out.
        """
        kept = token_hash(secret)
        now = self._clock()
        with self._database.read() as connection:
            row = (
                None
                if kept is None or connection is None
                else connection.execute(_tokens().where(tokens.c.hash == kept)).first()
            )
        if row is None or row.revoked_at is not None or row.disabled or _is_over(row.expires_at, now):
            raise Unauthenticated("The token is not valid; get a new one from an administrator")
        if row.last_used_at is None or now - row.last_used_at >= _USE_NOTED_EVERY:
            with self._database.write() as writer:
                writer.execute(sa.update(tokens).where(tokens.c.id == row.id).values(last_used_at=now))
        of_user = Scope(Role.parse(row.user_role), tuple(row.user_patterns))
        return Principal(row.user, (of_user, _as_token(row).scope), row.user_id, expires_at=row.expires_at)

    def begin_session(self, user: User, lifetime: timedelta) -> tuple[str, str]:
        """Log a browser in.

        Returns:
            What the cookie holds, and what changes have to bring along.
        """
        secret, csrf, now = secrets.token_urlsafe(32), secrets.token_urlsafe(32), self._clock()
        with self._database.write() as connection:
            connection.execute(sa.delete(sessions).where(sessions.c.expires_at <= now))
            connection.execute(
                sa.insert(sessions).values(
                    hash=secret_hash(secret), user_id=user.id, csrf=csrf, created_at=now, expires_at=now + lifetime
                )
            )
            write_note(connection, now, user.name, AuditNote("session.begin", "user", user.name))
        return secret, csrf

    def of_session(self, secret: str) -> Principal:
        """Who a cookie stands for.

        Raises:
            Unauthenticated: the session is over, or there never was one.
        """
        statement = (
            sa.select(users, sessions.c.csrf, sessions.c.expires_at)
            .join(sessions, sessions.c.user_id == users.c.id)
            .where(sessions.c.hash == secret_hash(secret))
        )
        with self._database.read() as connection:
            row = None if connection is None else connection.execute(statement).first()
        if row is None or row.disabled or _is_over(row.expires_at, self._clock()):
            raise Unauthenticated("The session is over; log in again")
        user = as_user(row)
        return Principal(user.name, (user.scope,), user.id, row.csrf)

    def end_session(self, secret: str) -> None:
        """Log a browser out."""
        with self._database.write() as connection:
            connection.execute(sa.delete(sessions).where(sessions.c.hash == secret_hash(secret)))


def _tokens() -> sa.Select[Any]:
    """Rows of tokens with what is needed of their owners."""
    return sa.select(
        tokens,
        users.c.name.label("user"),
        users.c.role.label("user_role"),
        users.c.patterns.label("user_patterns"),
        users.c.disabled.label("disabled"),
    ).join(users, users.c.id == tokens.c.user_id)


def _as_token(row: Any) -> Token:
    scope = Scope(Role.parse(row.role), tuple(row.patterns))
    times = (row.created_at, row.last_used_at, row.expires_at, row.revoked_at)
    return Token(row.id, row.user, row.label, row.hint, scope, *times)


def _is_over(expires_at: datetime | None, now: datetime) -> bool:
    return expires_at is not None and expires_at <= now
