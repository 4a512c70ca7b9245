"""Large bodies through memory files: read by another process, used again only when answered, gone with their owner."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from bentoml.server.transport import body_pool
from bentoml.server.transport.body_pool import (
    MIN_BODY_BYTES,
    BodyPool,
    Reference,
    UnreadableBodyError,
    can_read,
    read_body,
)
from tests.server.live import memory_files

pytestmark = pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="the system has no memory files")

LARGE = bytes(range(256)) * (MIN_BODY_BYTES // 256 + 3)


@pytest.fixture
def pool() -> Iterator[BodyPool]:
    made = BodyPool()
    made.confirm(is_readable=True)
    yield made
    made.close()


def name_of(pool: BodyPool, batch_id: int, body: bytes) -> Reference:
    """The reference that stands for a body."""
    form = pool.send_form(batch_id, body)
    assert isinstance(form, list)
    return form


def test_body_is_read_whole_by_another_process(pool: BodyPool) -> None:
    code = (
        "import sys; from bentoml.server.transport.body_pool import read_body; sys.stdout.buffer.write(read_body({}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code.format(name_of(pool, 1, LARGE))], capture_output=True, check=False
    )
    assert done.stdout == LARGE, done.stderr


def test_slot_is_used_again_when_its_batch_is_answered_and_not_before(pool: BodyPool) -> None:
    first, second = name_of(pool, 1, LARGE), name_of(pool, 1, LARGE[::-1])
    assert first[2] != second[2]
    pool.release(1)
    third = name_of(pool, 2, b"x" * len(LARGE))
    assert third[2] in {first[2], second[2]}
    assert read_body(third) == b"x" * len(LARGE)


def test_shorter_body_in_a_slot_that_held_a_longer_one_is_read_without_the_rest(pool: BodyPool) -> None:
    name_of(pool, 1, LARGE * 2)
    pool.release(1)
    assert read_body(name_of(pool, 2, LARGE)) == LARGE


@pytest.mark.parametrize("size_bytes", [0, 1, MIN_BODY_BYTES - 1])
def test_small_body_goes_through_the_socket(pool: BodyPool, size_bytes: int) -> None:
    assert pool.send_form(1, b"x" * size_bytes) == b"x" * size_bytes


def test_body_for_a_worker_that_cannot_read_slots_goes_through_the_socket() -> None:
    pool = BodyPool()
    assert pool.send_form(1, LARGE) == LARGE
    pool.confirm(is_readable=False)
    assert pool.send_form(1, LARGE) == LARGE
    pool.close()


def test_what_is_over_the_bound_goes_through_the_socket(pool: BodyPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body_pool, "MAX_POOL_BYTES", 3 * len(LARGE))
    forms = [pool.send_form(1, LARGE) for _ in range(5)]
    assert [isinstance(form, list) for form in forms] == [True, True, True, False, False]
    pool.release(1)
    assert isinstance(pool.send_form(2, LARGE), list)


def test_free_slots_hold_no_more_than_their_bound(pool: BodyPool, monkeypatch: pytest.MonkeyPatch) -> None:
    before = len(memory_files(os.getpid()))
    monkeypatch.setattr(body_pool, "MAX_FREE_BYTES", 2 * len(LARGE))
    for _ in range(5):
        name_of(pool, 1, LARGE)
    assert len(memory_files(os.getpid())) == before + 5
    pool.release(1)
    assert len(memory_files(os.getpid())) == before + 2


def test_slot_that_is_gone_or_another_one_cannot_be_read(pool: BodyPool) -> None:
    reference = name_of(pool, 1, LARGE)
    pid, fd, number, size_bytes = reference
    with pytest.raises(UnreadableBodyError, match="is not slot"):
        read_body([pid, fd, number + 1, size_bytes])
    with pytest.raises(UnreadableBodyError, match="is not slot"):
        read_body([pid, fd, number, size_bytes + 1])
    pool.close()
    with pytest.raises(UnreadableBodyError):
        read_body(reference)


def test_probe_tells_whether_slots_can_be_read() -> None:
    pool = BodyPool()
    before = len(memory_files(os.getpid()))
    reference = pool.probe()
    assert reference is not None
    assert can_read(reference)
    assert not can_read([reference[0], 100_000, *reference[2:]])
    pool.close()
    assert len(memory_files(os.getpid())) == before


def test_close_lets_go_of_every_slot() -> None:
    before = len(memory_files(os.getpid()))
    pool = BodyPool()
    pool.confirm(is_readable=True)
    for batch_id in range(3):
        name_of(pool, batch_id, LARGE)
    pool.release(1)
    pool.close()
    assert len(memory_files(os.getpid())) == before
    assert pool.send_form(1, LARGE) == LARGE
