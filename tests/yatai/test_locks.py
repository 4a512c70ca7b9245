from __future__ import annotations

import dataclasses
import subprocess
import sys
import threading
from datetime import datetime, timedelta, timezone

import pytest
import sqlalchemy as sa

from bentoml.exceptions import LockUnavailable
from bentoml.types import Tag
from bentoml.yatai.database import Database
from bentoml.yatai.locks import Locks, bento_lock
from bentoml.yatai.owner import Owner
from bentoml.yatai.schema import locks as lock_rows

HOLD_AND_WAIT = """
import sys
from pathlib import Path
from bentoml.yatai.database_address import open_database
from bentoml.yatai.locks import Locks
with Locks(open_database(sys.argv[1], Path("none.db"))).hold(**{sys.argv[2]: ["a"]}):
    print("held", flush=True)
    input()
"""


class Clock:
    """A clock that moves only when somebody waits."""

    def __init__(self) -> None:
        self.now = datetime(2024, 5, 1, tzinfo=timezone.utc)
        self.waited_s = 0.0

    def __call__(self) -> datetime:
        return self.now

    def pause(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.waited_s += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def locks(database: Database, clock: Clock) -> Locks:
    # A step of a second keeps the number of looks small.
    return Locks(database, clock, lambda _seconds: clock.pause(1.0))


def rows(database: Database) -> int:
    with database.read() as connection:
        assert connection is not None
        return len(connection.execute(sa.select(lock_rows)).all())


def take(locks: Locks, kind: str, *resources: str) -> None:
    with locks.hold(**{kind: resources}):
        pass


@pytest.mark.parametrize(
    ("held", "wanted", "granted"),
    [
        pytest.param("read", "read", True, id="reader-beside-reader"),
        pytest.param("read", "write", False, id="writer-beside-reader"),
        pytest.param("write", "read", False, id="reader-beside-writer"),
        pytest.param("write", "write", False, id="writer-beside-writer"),
    ],
)
def test_hold_when_held_by_another(locks: Locks, database: Database, held: str, wanted: str, granted: bool) -> None:
    with locks.hold(**{held: ["a"]}):
        if granted:
            take(locks, wanted, "a")
        else:
            with pytest.raises(LockUnavailable, match=r"^Failed to acquire lock after 5 attempts"):
                take(locks, wanted, "a")
        take(locks, "write", "b")
    take(locks, wanted, "a")
    assert rows(database) == 0


def test_hold_when_never_free_tries_for_40_seconds_and_names_the_holder(locks: Locks, clock: Clock) -> None:
    with locks.hold(write=["a"]), pytest.raises(LockUnavailable, match=f"a is in use by {Owner.current()}"):
        take(locks, "write", "a")
    assert 40 <= clock.waited_s <= 48


def test_hold_when_one_of_several_is_taken_takes_none(locks: Locks, database: Database) -> None:
    with locks.hold(write=["b"]):
        with pytest.raises(LockUnavailable):
            take(locks, "write", "a", "b", "c")
        assert rows(database) == 1


def test_hold_when_block_raises_is_released_at_once(locks: Locks, database: Database) -> None:
    def fail() -> None:
        with locks.hold(write=["a"], read=["b"]):
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        fail()
    assert rows(database) == 0


def test_hold_when_released_meanwhile_is_taken_soon(database: Database) -> None:
    looked, released, taken = threading.Event(), threading.Event(), threading.Event()

    def pause(_seconds: float) -> None:
        looked.set()
        released.wait()

    first, second = Locks(database), Locks(database, pause=pause)

    def wait_for_lock() -> None:
        with second.hold(write=["a"]):
            taken.set()

    waiter = threading.Thread(target=wait_for_lock)
    with first.hold(write=["a"]):
        waiter.start()
        assert looked.wait(30)
        assert not taken.is_set()
    released.set()
    waiter.join(30)
    assert taken.is_set()


@pytest.mark.parametrize("kind", ["read", "write"])
def test_hold_when_holder_was_killed_is_taken_at_once(
    database: Database, database_url: str, locks: Locks, clock: Clock, kind: str
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD_AND_WAIT, database_url, kind],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with pytest.raises(LockUnavailable, match=f"process {process.pid} "):
            take(locks, "write", "a")
        process.kill()
    clock.waited_s = 0.0
    take(locks, "write", "a")
    assert clock.waited_s == 0
    assert rows(database) == 0


def test_hold_when_holder_cannot_be_seen_waits_for_its_expiry(database: Database, locks: Locks, clock: Clock) -> None:
    foreign = dataclasses.replace(Owner.current(), host="elsewhere")
    with database.write() as connection:
        connection.execute(
            sa.insert(lock_rows).values(
                resource_id="a",
                lock_status="write_lock",
                holder="x",
                owner=foreign.token,
                ttl=clock.now + timedelta(minutes=3),
            )
        )
    with pytest.raises(LockUnavailable, match="on elsewhere"):
        take(locks, "write", "a")
    clock.now += timedelta(minutes=3)
    take(locks, "write", "a")


def test_bento_lock_is_name_and_version() -> None:
    assert bento_lock(Tag("Iris", "1.2")) == "Iris_1.2"
