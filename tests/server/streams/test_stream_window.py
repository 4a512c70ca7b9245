"""The bound on what a stream has under way, for a thread and for a task."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bentoml.server.streams.stream_window import (
    MAX_BYTES,
    MAX_CHUNKS,
    MAX_PIECE_BYTES,
    LoopWindow,
    ThreadWindow,
    Window,
)


def passes(window: Window, size_bytes: int) -> bool:
    """Let one chunk pass without waiting."""
    step = window.pass_through(size_bytes)
    try:
        step.send(None)
    except StopIteration:
        return True
    step.close()
    return False


def passed(window: Window, size_bytes: int) -> Iterator[int]:
    """Sizes that pass before the window closes."""
    while window.is_open:
        assert passes(window, size_bytes)
        yield size_bytes


@pytest.mark.parametrize("kind", [LoopWindow, ThreadWindow], ids=["task", "thread"])
class TestBound:
    def test_chunks_are_bounded(self, kind: type[Window]) -> None:
        window = kind()
        assert len(list(passed(window, 1))) == MAX_CHUNKS
        window.acknowledge(2, 2)
        assert len(list(passed(window, 1))) == 2

    def test_empty_chunks_are_bounded(self, kind: type[Window]) -> None:
        assert len(list(passed(kind(), 0))) == MAX_CHUNKS

    def test_bytes_are_bounded(self, kind: type[Window]) -> None:
        window = kind()
        assert sum(passed(window, MAX_PIECE_BYTES)) == MAX_BYTES
        window.acknowledge(1, MAX_PIECE_BYTES)
        assert sum(passed(window, MAX_PIECE_BYTES)) == MAX_PIECE_BYTES

    @given(sizes=st.lists(st.integers(0, MAX_PIECE_BYTES), max_size=200))
    def test_what_is_under_way_stays_within_the_bound(self, kind: type[Window], sizes: list[int]) -> None:
        window = kind()
        under_way: list[int] = []
        for size in sizes:
            while not window.is_open:
                window.acknowledge(1, under_way.pop(0))
            assert passes(window, size)
            under_way.append(size)
            assert len(under_way) <= MAX_CHUNKS
            assert sum(under_way) < MAX_BYTES + MAX_PIECE_BYTES
            assert (window.chunks, window.size_bytes) == (len(under_way), sum(under_way))


def test_task_goes_on_when_there_is_room() -> None:
    async def run() -> None:
        window = LoopWindow()
        list(passed(window, 1))
        waiting = asyncio.create_task(window.pass_through(1))
        await asyncio.sleep(0)
        assert not waiting.done()
        window.acknowledge(1, 1)
        await asyncio.wait_for(waiting, 10)

    asyncio.run(run())


def waiting_thread(window: ThreadWindow) -> tuple[Thread, list[str]]:
    """A thread that waits for room; the list says how that ended."""
    ends: list[str] = []

    def run() -> None:
        try:
            ends.append("passed" if passes(window, 1) else "suspended")
        except asyncio.CancelledError:
            ends.append("cancelled")

    list(passed(window, 1))
    thread = Thread(target=run)
    thread.start()
    return thread, ends


def test_thread_goes_on_when_there_is_room() -> None:
    window = ThreadWindow()
    thread, ends = waiting_thread(window)
    assert ends == []
    window.acknowledge(1, 1)
    thread.join(10)
    assert ends == ["passed"]


def test_thread_ends_when_its_stream_is_cancelled() -> None:
    window = ThreadWindow()
    thread, ends = waiting_thread(window)
    window.cancel()
    thread.join(10)
    assert ends == ["cancelled"]
    with pytest.raises(asyncio.CancelledError):
        passes(window, 1)
