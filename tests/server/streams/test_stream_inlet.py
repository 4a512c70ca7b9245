"""Frames of streams in the front, from workers that keep to the rules and from others."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from bentoml.server.front.dispatch import Dispatcher
from bentoml.server.front.routes import Route
from bentoml.server.http.call import Call
from bentoml.server.http.heads import RequestHead
from bentoml.server.metrics.counters import RouteCounters
from bentoml.server.scheduling.ledger import Outcome
from bentoml.server.scheduling.scheduler import ApiPolicy, State
from bentoml.server.streams.stream_inlet import BROKEN, WORKER_LOST, Inlet
from bentoml.server.transport import wire
from bentoml.server.transport.worker_link import WorkerLink
from tests.server.clock_loop import ClockLoop

MAX_STREAMS = 2


class StreamedCall(Call):
    """Keeps how its answer begins, and what the front itself answers."""

    def __init__(self, route: Route) -> None:
        super().__init__(RequestHead(route, "POST", "", [], 0), "id", "")
        self.begun: list[tuple[int, bytes]] = []
        self.answers: list[int] = []
        self.inlet: Inlet | None = None

    def begin(self, status: int, head: bytes, inlet: Inlet) -> None:
        self.begun.append((status, head))
        self.inlet = inlet

    def answer(self, status: int, head: bytes, body: bytes) -> None:
        self.answers.append(status)


class FrameList(wire.FrameProtocol):
    """A worker's end of the socket: keeps what it is sent."""

    def __init__(self) -> None:
        super().__init__(lambda *_: None, lambda _: None)
        self.frames: list[list[Any]] = []

    def send(self, frame: bytes) -> None:
        self.frames.append(wire.unpack(frame[4:]))

    def of_kind(self, kind: int) -> list[list[Any]]:
        return [frame[1:] for frame in self.frames if frame[0] == kind]


class Bench:
    """A dispatcher over one generator API, and workers."""

    def __init__(self, workers: int = 1) -> None:
        self.loop = ClockLoop()
        policy = ApiPolicy("words", False, 1, 5.0, is_concurrent=True, max_streams=MAX_STREAMS)
        counters = {"POST": RouteCounters()}
        self.route = Route(0, "/words", policy, counters, frozenset({"POST"}))
        self.counters = counters["POST"]
        self.dispatcher = Dispatcher([self.route], cast("asyncio.AbstractEventLoop", self.loop))
        self.workers = [FrameList() for _ in range(workers)]
        self.links = [WorkerLink(pid, worker) for pid, worker in enumerate(self.workers)]
        for link in self.links:
            self.dispatcher.add_worker(link, [self.route])

    def submit(self) -> StreamedCall:
        call = StreamedCall(self.route)
        self.dispatcher.submit(call)
        self.loop.turn()
        return call

    def take(self, *message: Any, worker: int = 0) -> None:
        """A frame of a worker."""
        self.dispatcher.inlets.on_frame(self.links[worker], list(message))

    def begun(self) -> tuple[StreamedCall, Inlet]:
        call = self.submit()
        self.take(wire.START, self.batch_id, 200, b"")
        assert call.inlet is not None
        return call, call.inlet

    @property
    def batch_id(self) -> int:
        (batch_id,) = self.links[0].batches
        return batch_id


def test_pieces_reach_their_call_in_order() -> None:
    bench = Bench()
    call = bench.submit()
    batch_id = bench.batch_id
    bench.take(wire.START, batch_id, 201, b"x-a: b\r\n")
    bench.take(wire.CHUNK, batch_id, b"one")
    bench.take(wire.CHUNK, batch_id, b"")
    bench.take(wire.END, batch_id, True)
    assert call.begun == [(201, b"x-a: b\r\n")]
    assert call.inlet is not None
    assert list(call.inlet.pieces) == [b"one", b""]
    assert (call.inlet.has_ended, call.inlet.failure) == (True, 0)
    assert bench.links[0].batches == {}
    bench.dispatcher.finish_stream(call, Outcome.ANSWERED, 201)
    assert bench.counters.in_progress == 0
    assert list(bench.counters.durations) == [201]


def test_stream_that_is_not_whole_has_failed() -> None:
    bench = Bench()
    _, inlet = bench.begun()
    bench.take(wire.END, bench.batch_id, False)
    assert (inlet.has_ended, inlet.failure) == (True, BROKEN)


def test_acknowledgements_are_collected_and_complete() -> None:
    bench = Bench()
    _, inlet = bench.begun()
    batch_id = bench.batch_id
    for size in (10, 0, 5):
        inlet.count_written(size)
    assert bench.workers[0].of_kind(wire.CREDIT) == []
    inlet.acknowledge()
    inlet.acknowledge()
    inlet.count_written(1 << 17)
    for _ in range(20):
        inlet.count_written(1)
    inlet.acknowledge()
    granted = bench.workers[0].of_kind(wire.CREDIT)
    assert granted[:2] == [[batch_id, 3, 15], [batch_id, 1, 1 << 17]]
    assert (sum(chunks for _, chunks, _ in granted), sum(size for _, _, size in granted)) == (24, 15 + (1 << 17) + 20)


def test_limit_of_the_call_ends_with_the_begin_of_its_answer() -> None:
    bench = Bench()
    call, _ = bench.begun()
    bench.loop.advance(60)
    assert (call.answers, call.state) == ([], State.RUNNING)
    assert bench.loop.timers == []


def test_call_whose_stream_does_not_begin_in_time_is_cancelled() -> None:
    bench = Bench()
    call = bench.submit()
    batch_id = bench.batch_id
    bench.loop.advance(6)
    assert call.answers == [408]
    assert bench.workers[0].of_kind(wire.CANCEL) == [[batch_id]]
    # It may have begun in the meantime; nobody gets that.
    bench.take(wire.START, batch_id, 200, b"")
    bench.take(wire.CHUNK, batch_id, b"late")
    bench.take(wire.END, batch_id, False)
    assert (call.begun, bench.links[0].batches) == ([], {})


def test_place_of_a_stream_is_free_when_the_worker_says_so() -> None:
    bench = Bench()
    calls = [bench.submit() for _ in range(MAX_STREAMS + 1)]
    first = next(iter(bench.links[0].batches))
    assert len(bench.links[0].batches) == MAX_STREAMS
    bench.take(wire.START, first, 200, b"")
    bench.dispatcher.cancel(calls[0])
    assert bench.workers[0].of_kind(wire.CANCEL) == [[first]]
    assert len(bench.workers[0].of_kind(wire.CALL)) == MAX_STREAMS
    bench.take(wire.END, first, False)
    assert len(bench.workers[0].of_kind(wire.CALL)) == MAX_STREAMS + 1


def test_stream_is_cancelled_once() -> None:
    bench = Bench()
    call, _ = bench.begun()
    bench.dispatcher.finish_stream(call, Outcome.FAILED, 408)
    bench.dispatcher.finish_stream(call, Outcome.FAILED, 500)
    bench.dispatcher.cancel(call)
    assert len(bench.workers[0].of_kind(wire.CANCEL)) == 1
    assert list(bench.counters.durations) == [408]


def test_streams_of_a_dead_worker_begin_again_only_when_they_had_not_begun() -> None:
    bench = Bench()
    _, inlet = bench.begun()
    waiting = bench.submit()
    bench.dispatcher.remove_worker(bench.links[0])
    assert (inlet.has_ended, inlet.failure) == (True, WORKER_LOST)
    assert bench.counters.exceptions == {"WorkerDied": 2}
    other = FrameList()
    bench.dispatcher.add_worker(WorkerLink(7, other), [bench.route])
    assert len(other.of_kind(wire.CALL)) == 1
    assert (waiting.answers, waiting.state) == ([], State.RUNNING)


def test_stream_on_trial_leaves_its_worker_to_others_once_it_has_begun() -> None:
    bench = Bench()
    bench.submit()
    bench.dispatcher.remove_worker(bench.links[0])
    other = FrameList()
    link = WorkerLink(7, other)
    bench.dispatcher.add_worker(link, [bench.route])
    bench.submit()
    (first,) = link.batches
    assert len(other.of_kind(wire.CALL)) == 1
    bench.dispatcher.inlets.on_frame(link, [wire.START, first, 200, b""])
    assert len(other.of_kind(wire.CALL)) == 2


@pytest.mark.parametrize(
    "frame",
    [
        [wire.CHUNK, 1, b"before the start"],
        [wire.END, 1, True],
        [wire.START, 99, 200, b""],
        [wire.CHUNK, 99, b""],
        [wire.START, 1],
        [wire.START, 1, 200, b"", "more"],
    ],
    ids=["early-chunk", "early-end", "unknown-start", "unknown-chunk", "short", "long"],
)
def test_frame_that_makes_no_sense_is_an_error(frame: list[Any]) -> None:
    bench = Bench()
    call = bench.submit()
    with pytest.raises((ValueError, KeyError, TypeError)):
        bench.take(*frame)
    assert call.state is State.RUNNING
    assert len(bench.links[0].batches) == 1


def test_piece_that_is_no_bytes_is_an_error() -> None:
    bench = Bench()
    bench.begun()
    with pytest.raises(ValueError, match="must be bytes"):
        bench.take(wire.CHUNK, bench.batch_id, "text")


def test_second_start_is_an_error() -> None:
    bench = Bench()
    bench.begun()
    with pytest.raises(ValueError, match="has begun"):
        bench.take(wire.START, bench.batch_id, 200, b"")


def test_answer_after_a_start_is_an_error() -> None:
    bench = Bench()
    bench.begun()
    with pytest.raises(ValueError, match="in pieces"):
        bench.dispatcher.on_answers(bench.links[0], bench.batch_id, [[200, b"", b""]])


def test_frame_of_another_worker_is_an_error() -> None:
    bench = Bench(workers=2)
    bench.begun()
    with pytest.raises(ValueError, match="never given"):
        bench.take(wire.CHUNK, bench.batch_id, b"", worker=1)
