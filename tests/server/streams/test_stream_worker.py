"""Streams in a worker: each one ends with one last frame, whatever its function does."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import nullcontext
from typing import Any

import pytest

from bentoml.adapters import JsonInput
from bentoml.server.streams.stream_window import MAX_CHUNKS
from bentoml.server.streams.stream_worker import WorkerStreams
from bentoml.server.transport import wire
from bentoml.service import InferenceAPI
from bentoml.types import HTTPRequest

BATCH_ID = 7
LIMIT_S = 30


class FrameLog(wire.FrameProtocol):
    """The front's end of the socket: keeps what it is sent."""

    def __init__(self) -> None:
        super().__init__(lambda *_: None, lambda _: None)
        self.frames: list[list[Any]] = []
        self.changed = asyncio.Event()

    def send(self, frame: bytes) -> None:
        self.frames.append(wire.unpack(frame[4:]))
        self.changed.set()

    async def wait_for(self, count: int) -> None:
        while len(self.frames) < count:
            self.changed.clear()
            await asyncio.wait_for(self.changed.wait(), LIMIT_S)

    async def wait_for_end(self) -> None:
        while not self.frames or self.frames[-1][0] not in {wire.ANSWER, wire.END}:
            await self.wait_for(len(self.frames) + 1)


Act = Callable[[WorkerStreams, FrameLog], Any]


def frames_of(function: Callable[..., Any], act: Act | None = None) -> list[list[Any]]:
    """All frames of one stream, up to its last one.

    Args:
        function: a generator function of one argument.
        act: a coroutine function that does what the front would do meanwhile.
    """

    async def run() -> list[list[Any]]:
        log, streams = FrameLog(), WorkerStreams(asyncio.get_running_loop())
        api = InferenceAPI(None, "words", "", JsonInput(), function)
        streams.start(log, api, BATCH_ID, HTTPRequest(body=b"1"), "id", nullcontext())
        if act is not None:
            await act(streams, log)
        await log.wait_for_end()
        assert streams._streams == {}
        assert all(frame[1] == BATCH_ID for frame in log.frames)
        return log.frames

    return asyncio.run(run())


def status_of(frames: list[list[Any]]) -> int:
    """Status of an answer that did not begin as a stream."""
    ((kind, _, _, ((status, _, _),)),) = frames
    assert kind == wire.ANSWER
    return int(status)


def words(_: Any) -> Iterator[Any]:
    yield "a"
    yield b"b"


async def words_async(_: Any) -> AsyncIterator[Any]:
    yield "a"
    yield b"b"


BOTH = pytest.mark.parametrize("function", [words, words_async], ids=["plain", "async"])


@BOTH
def test_stream_has_a_start_chunks_and_an_end(function: Callable[..., Any]) -> None:
    start, *chunks, end = frames_of(function)
    assert start[:3] == [wire.START, BATCH_ID, 200]
    assert b"content-type: text/plain; charset=utf-8\r\n" in start[3]
    assert chunks == [[wire.CHUNK, BATCH_ID, b"a"], [wire.CHUNK, BATCH_ID, b"b"]]
    assert end == [wire.END, BATCH_ID, True]


@pytest.mark.parametrize("is_async", [False, True], ids=["plain", "async"])
def test_stream_that_is_not_acknowledged_waits_and_can_be_cancelled(is_async: bool) -> None:
    seen: list[int] = []

    def endless(_: Any) -> Generator[str, None, None]:
        number = 0
        try:
            while True:
                seen.append(number)
                yield "x"
                number += 1
        finally:
            seen.append(-1)

    async def endless_async(_: Any) -> AsyncIterator[str]:
        inner = endless(None)
        try:
            for value in inner:
                yield value
        finally:
            inner.close()

    async def act(streams: WorkerStreams, log: FrameLog) -> None:
        await log.wait_for(1 + MAX_CHUNKS)
        streams.acknowledge(BATCH_ID, 3, 3)
        await log.wait_for(1 + MAX_CHUNKS + 3)
        streams.cancel(BATCH_ID)
        streams.cancel(BATCH_ID)

    frames = frames_of(endless_async if is_async else endless, act)
    assert [frame[0] for frame in frames] == [wire.START, *[wire.CHUNK] * (MAX_CHUNKS + 3), wire.END]
    assert frames[-1] == [wire.END, BATCH_ID, False]
    # One value more than was sent: it waited for its turn.
    assert seen == [*range(MAX_CHUNKS + 4), -1]


def test_task_that_is_cancelled_before_it_runs_is_answered() -> None:
    async def act(streams: WorkerStreams, _: FrameLog) -> None:
        streams.cancel(BATCH_ID)

    assert status_of(frames_of(words_async, act)) == 500


@BOTH
def test_frames_for_a_stream_that_has_ended_are_ignored(function: Callable[..., Any]) -> None:
    async def act(streams: WorkerStreams, log: FrameLog) -> None:
        await log.wait_for_end()
        streams.acknowledge(BATCH_ID, 1, 1)
        streams.cancel(BATCH_ID)

    assert frames_of(function, act)[-1] == [wire.END, BATCH_ID, True]


def stubborn(_: Any) -> Iterator[str]:
    try:
        yield "a"
        raise ValueError("no luck")
    finally:
        yield "still here"


def exits_in_the_end(_: Any) -> Iterator[str]:
    try:
        yield "a"
        yield from itertools.repeat("b")
    finally:
        raise SystemExit("over")


@pytest.mark.parametrize("function", [stubborn, exits_in_the_end])
def test_generator_that_does_not_want_to_end_is_ended(function: Callable[..., Any]) -> None:
    async def act(streams: WorkerStreams, log: FrameLog) -> None:
        await log.wait_for(2)
        streams.cancel(BATCH_ID)

    assert frames_of(function, act)[-1][0] == wire.END


async def waits(_: Any) -> AsyncIterator[str]:
    await asyncio.sleep(0)
    yield "a"


async def goes_on_waiting(_: Any) -> AsyncIterator[str]:
    with contextlib.suppress(RuntimeError):
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    yield "a"


@pytest.mark.parametrize("inner", [waits, goes_on_waiting])
def test_plain_generator_that_awaits_is_an_error(inner: Callable[..., Any], caplog: pytest.LogCaptureFixture) -> None:
    # It says that it is a plain one, and gives another.
    function = functools.wraps(words)(lambda value: inner(value))  # noqa: PLW0108 - wraps would change `inner` itself
    assert status_of(frames_of(function)) == 500
    assert "write it with async def" in caplog.text
