"""Deleted bundles that can be restored, until they are purged.

The files of a deleted bundle are kept aside under the id of its record. Whether they may go is asked of the record,
where `purged` only ever turns from false to true: so nobody can remove what somebody else is restoring.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import sqlalchemy as sa

from bentoml.exceptions import NotFound, YataiServiceRpcAborted
from bentoml.yatai.audit import BUNDLE, AuditNote, write_note
from bentoml.yatai.models import utc_now
from bentoml.yatai.owner import os_user
from bentoml.yatai.records import Record, live_with_tag
from bentoml.yatai.registry import not_registered
from bentoml.yatai.schema import bentos

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from datetime import datetime, timedelta
    from typing import Any

    from sqlalchemy.engine import Connection

    from bentoml.types import Tag
    from bentoml.yatai.database import Database

_ATTEMPTS = 10


class RecycleBin:
    """The deleted records of a catalog.

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

    def restore(self, tag: Tag, put_back: Callable[[Record], None]) -> None:
        """Undo the deletion of a bundle; of several with this tag, of the one that was deleted last.

        Args:
            tag: with the version itself.
            put_back: puts the files of a record in place, in one quick step inside the transaction; when it was done
                before it does nothing.

        Raises:
            NotFound: none can be restored.
            YataiServiceRpcAborted: the tag is taken again.
        """
        for _ in range(_ATTEMPTS):
            self._announce(tag)
            with self._restoring(tag) as record:
                if record is not None:
                    put_back(record)
                    return
        raise YataiServiceRpcAborted(f"{tag} is being cleared away again and again; try again")

    def purge(self, tag: Tag) -> int:
        """Give up all deleted bundles of a tag; how many there were."""
        with self._database.write(durable=True) as connection:
            rows = connection.execute(_restorable().where(*_has(tag))).all()
            self._purge(connection, rows, expired=False)
        return len(rows)

    def purge_older_than(self, age: timedelta) -> int:
        """Give up what was deleted so long ago; how many bundles that were."""
        expired = _restorable().where(bentos.c.deleted_at <= self._clock() - age)
        with self._database.read() as reader:
            if reader is None or reader.execute(expired.limit(1)).first() is None:
                return 0
        with self._database.write(durable=True) as connection:
            rows = connection.execute(expired).all()
            self._purge(connection, rows, expired=True)
        return len(rows)

    def needed(self, uids: Collection[str]) -> set[str]:
        """Those ids of records whose files must stay."""
        found: set[str] = set()
        ordered = sorted(uids)
        with self._database.read() as connection:
            if connection is None:
                return found
            for start in range(0, len(ordered), 500):  # below the number of parameters that any SQLite takes
                some = bentos.c.uid.in_(ordered[start : start + 500])
                statement = sa.select(bentos.c.uid).where(some, bentos.c.purged == sa.false())
                found.update(connection.execute(statement).scalars())
        return found

    def _announce(self, tag: Tag) -> None:
        """Say that there may be files at the place of the record, before there are.

        Whoever is killed after the files are there and before the record is restored leaves a deleted record with
        files, which the next one clears away as it would after a deletion.
        """
        with self._database.write(durable=True) as connection:
            row = self._last_deleted(connection, tag)
            connection.execute(sa.update(bentos).where(bentos.c.id == row.id).values(released=False))

    @contextmanager
    def _restoring(self, tag: Tag) -> Iterator[Record | None]:
        """The block puts the files in place; when it ends well the record is live. None: somebody was quicker."""
        with self._database.write(durable=True) as connection:
            row = self._last_deleted(connection, tag)
            if row.released:
                yield None
                return
            yield Record(row.id, row.uid, tag, row.uri)
            values = {"deleted": False, "deleted_at": None, "deleted_by": ""}
            connection.execute(sa.update(bentos).where(bentos.c.id == row.id).values(**values))
            write_note(connection, self._clock(), self._actor(), AuditNote("bundle.restore", BUNDLE, str(tag)))

    def _last_deleted(self, connection: Connection, tag: Tag) -> sa.Row[Any]:
        if connection.execute(live_with_tag(tag)).first() is not None:
            raise YataiServiceRpcAborted(
                f"{tag} cannot be restored: a bundle of this name and version was registered after it was deleted. "
                "Delete that one first"
            )
        row = connection.execute(
            _restorable().where(*_has(tag)).order_by(bentos.c.deleted_at.desc(), bentos.c.id.desc()).limit(1)
        ).first()
        if row is None:
            raise _not_restorable(connection, tag)
        return row

    def _purge(self, connection: Connection, rows: Collection[sa.Row[Any]], *, expired: bool) -> None:
        for row in rows:
            connection.execute(sa.update(bentos).where(bentos.c.id == row.id).values(purged=True))
            note = AuditNote("bundle.purge", BUNDLE, f"{row.name}:{row.version}", {"expired": expired})
            write_note(connection, self._clock(), self._actor(), note)


def _restorable() -> sa.Select[Any]:
    return sa.select(bentos).where(bentos.c.deleted == sa.true(), bentos.c.purged == sa.false())


def _has(tag: Tag) -> tuple[sa.ColumnElement[bool], ...]:
    return bentos.c.name == tag.name, bentos.c.version == tag.version


def _not_restorable(connection: Connection, tag: Tag) -> NotFound:
    was_there = connection.execute(sa.select(bentos.c.id).where(*_has(tag)).limit(1)).first() is not None
    return not_registered(tag, "it was purged and cannot be restored" if was_there else "no such bundle was deleted")
