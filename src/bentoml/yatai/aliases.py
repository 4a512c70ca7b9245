"""Names for versions, such as `production`: set, moved in one step, removed, and what they stood for before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from bentoml.exceptions import NotFound
from bentoml.yatai.alias_name import check_alias
from bentoml.yatai.audit import ALIAS, AuditNote, write_note
from bentoml.yatai.models import Alias, AliasChange, utc_now
from bentoml.yatai.owner import os_user
from bentoml.yatai.records import visible_with_tag
from bentoml.yatai.registry import not_registered
from bentoml.yatai.schema import alias_history, aliases, bentos

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from typing import Any

    from sqlalchemy.engine import Connection

    from bentoml.types import Tag
    from bentoml.yatai.database import Database


class Aliases:
    """The aliases of one catalog.

    Args:
        database: where they are.
        clock: gives the current time.
        actor: who makes the changes.
    """

    def __init__(
        self, database: Database, clock: Callable[[], datetime] = utc_now, actor: Callable[[], str] = os_user
    ) -> None:
        self._database = database
        self._clock = clock
        self._actor = actor

    def assign(self, tag: Tag, alias: str) -> Alias:
        """Let an alias stand for a bundle, from the next moment on for everybody.

        Args:
            tag: the bundle; the version may be `latest` or another alias.
            alias: the alias; one that is there already is moved.

        Raises:
            InvalidArgument: it cannot be an alias.
            NotFound: there is no such bundle.
        """
        check_alias(alias)
        with self._database.write(durable=True) as connection:
            bento = connection.execute(visible_with_tag(tag)).first()
            if bento is None:
                raise not_registered(tag)
            now, actor = self._clock(), self._actor()
            before = connection.execute(_with_version(tag.name).where(aliases.c.alias == alias)).first()
            if before is not None and before.bento_id == bento.id:
                return _as_alias(before)
            values = {"bento_id": bento.id, "updated_at": now, "updated_by": actor}
            if before is None:
                connection.execute(sa.insert(aliases).values(name=tag.name, alias=alias, **values))
            else:
                connection.execute(sa.update(aliases).where(aliases.c.id == before.id).values(**values))
            self._remember(connection, tag.name, alias, bento.version)
            detail = {"version": bento.version, "before": None if before is None else before.version}
            write_note(connection, now, actor, AuditNote("alias.set", ALIAS, f"{tag.name}@{alias}", detail))
        return Alias(tag.name, alias, bento.version, now, actor)

    def remove(self, name: str, alias: str) -> None:
        """Forget an alias; its history stays.

        Raises:
            NotFound: there is no such alias.
        """
        with self._database.write(durable=True) as connection:
            found = connection.execute(_with_version(name).where(aliases.c.alias == alias)).first()
            if found is None:
                raise NotFound(f"{name} has no alias {alias}; see: bentoml alias {name}")
            self._remove(connection, found)

    def remove_all_of(self, connection: Connection, bento_id: int) -> None:
        """Forget the aliases of a bundle, in the transaction that deletes it."""
        for row in connection.execute(_with_version(None).where(aliases.c.bento_id == bento_id)).all():
            self._remove(connection, row)

    def of(self, name: str | None = None) -> list[Alias]:
        """The aliases of a name, or of all, sorted by name and alias."""
        statement = _with_version(name).order_by(aliases.c.name, aliases.c.alias)
        with self._database.read() as connection:
            rows = [] if connection is None else connection.execute(statement).all()
        return sorted((_as_alias(row) for row in rows), key=lambda found: (found.name, found.alias))

    def history(self, name: str, alias: str | None = None) -> list[AliasChange]:
        """What an alias, or all aliases of a name, stood for, newest first."""
        statement = sa.select(alias_history).where(alias_history.c.name == name).order_by(alias_history.c.id.desc())
        if alias is not None:
            statement = statement.where(alias_history.c.alias == alias)
        with self._database.read() as connection:
            rows = [] if connection is None else connection.execute(statement).all()
        return [AliasChange(row.name, row.alias, row.version, row.changed_at, row.changed_by) for row in rows]

    def _remove(self, connection: Connection, row: sa.Row[Any]) -> None:
        connection.execute(sa.delete(aliases).where(aliases.c.id == row.id))
        self._remember(connection, row.name, row.alias, None)
        note = AuditNote("alias.remove", ALIAS, f"{row.name}@{row.alias}", {"before": row.version})
        write_note(connection, self._clock(), self._actor(), note)

    def _remember(self, connection: Connection, name: str, alias: str, version: str | None) -> None:
        change = {"name": name, "alias": alias, "version": version}
        connection.execute(
            sa.insert(alias_history).values(**change, changed_at=self._clock(), changed_by=self._actor())
        )


def _with_version(name: str | None) -> sa.Select[Any]:
    """Aliases with the versions that they stand for."""
    statement = sa.select(aliases, bentos.c.version).join(bentos, bentos.c.id == aliases.c.bento_id)
    return statement if name is None else statement.where(aliases.c.name == name)


def _as_alias(row: sa.Row[Any]) -> Alias:
    return Alias(row.name, row.alias, row.version, row.updated_at, row.updated_by)
