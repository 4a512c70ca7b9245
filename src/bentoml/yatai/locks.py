"""Advisory locks in the database: many readers or one writer for each resource, over all processes.

A lock is for work that takes longer than a transaction, such as copying a bundle. It ends with its block, at once when
its process is dead, and at its expiry when nobody can tell whether the process lives.
"""

from __future__ import annotations

import random
import time
import uuid
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from bentoml.exceptions import LockUnavailable
from bentoml.yatai.models import utc_now
from bentoml.yatai.owner import Owner
from bentoml.yatai.schema import locks

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from datetime import datetime
    from typing import Any

    from sqlalchemy.engine import Connection

    from bentoml.types import Tag
    from bentoml.yatai.database import Database

ATTEMPTS = 5
LIFETIME = timedelta(minutes=3)
# Between two attempts the lock is looked at this often, so that it is taken soon after it is free.
_POLL_S = 0.05

_READ = "read_lock"
_WRITE = "write_lock"


def bento_lock(tag: Tag) -> str:
    """The resource id of a bundle. `latest` must be resolved before."""
    return f"{tag.name}_{tag.version}"


class Locks:
    """The locks of one database.

    Args:
        database: where they are.
        clock: gives the current time.
        pause: waits for so many seconds.
    """

    def __init__(
        self,
        database: Database,
        clock: Callable[[], datetime] = utc_now,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._database = database
        self._clock = clock
        self._pause = pause

    @contextmanager
    def hold(self, *, read: Collection[str] = (), write: Collection[str] = ()) -> Iterator[None]:
        """Hold locks on several resources for the block: all of them, or none.

        Args:
            read: resources that others may read but not write meanwhile.
            write: resources that nobody else may read or write meanwhile.

        Raises:
            LockUnavailable: somebody else held one of them through 5 attempts, 10-11 s apart.
        """
        wanted = dict.fromkeys(read, _READ) | dict.fromkeys(write, _WRITE)
        holder = uuid.uuid4().hex
        self._acquire(wanted, holder)
        try:
            yield
        finally:
            with self._database.write() as connection:
                connection.execute(sa.delete(locks).where(locks.c.holder == holder))

    def _acquire(self, wanted: dict[str, str], holder: str) -> None:
        others: list[str] = []
        for attempt in range(1, ATTEMPTS + 1):
            gap_s = random.uniform(10, 11)  # noqa: S311 - spreads the attempts of many processes
            deadline = self._clock() + timedelta(seconds=gap_s)
            while True:
                others = self._try(wanted, holder)
                if not others:
                    return
                if attempt == ATTEMPTS or self._clock() >= deadline:
                    break
                self._pause(_POLL_S)
        raise LockUnavailable(
            f"Failed to acquire lock after {ATTEMPTS} attempts: {', '.join(sorted(wanted))} is in use by "
            f"{', '.join(sorted(set(others)))}; try again when it has finished"
        )

    def _try(self, wanted: dict[str, str], holder: str) -> list[str]:
        """Take all locks wanted, or say who is in the way. Locks of the dead are removed, wanted or not."""
        now = self._clock()
        owner = Owner.current().token
        with self._database.write() as connection:
            others = []
            for row in connection.execute(sa.select(locks)).all():
                if not _is_held(row, now):
                    connection.execute(sa.delete(locks).where(locks.c.id == row.id))
                elif row.resource_id in wanted and _WRITE in {row.lock_status, wanted[row.resource_id]}:
                    others.append(str(Owner.parse(row.owner) or row.owner))
            if not others:
                _insert(connection, wanted, holder=holder, owner=owner, ttl=now + LIFETIME)
            return others


def _insert(connection: Connection, wanted: dict[str, str], **common: Any) -> None:
    rows = [{"resource_id": resource, "lock_status": status, **common} for resource, status in wanted.items()]
    connection.execute(sa.insert(locks), rows)


def _is_held(row: sa.Row[Any], now: datetime) -> bool:
    """Whether the holder of a lock lives, or may live and still has time."""
    owner = Owner.parse(row.owner)
    alive = owner.is_alive() if owner is not None else None
    return bool(row.ttl > now) if alive is None else alive
