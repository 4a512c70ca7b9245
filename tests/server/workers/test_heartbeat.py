"""The heartbeat with a clock of the test: who is taken for stopped, silent or hung, and who is not."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import cast

import pytest

from bentoml.server.front.routes import Route
from bentoml.server.metrics.counters import RouteCounters
from bentoml.server.scheduling.scheduler import ApiPolicy
from bentoml.server.transport import wire
from bentoml.server.transport.worker_link import WorkerLink
from bentoml.server.workers.heartbeat import HUNG, SILENT, STOPPED, Heartbeat, is_stopped
from tests.server.clock_loop import ClockLoop

TIMEOUT_S = 10.0
PLAIN, COROUTINE = (
    Route(index, f"/{index}", ApiPolicy(str(index), True, 9, 9.0, is_concurrent), {"POST": RouteCounters()})
    for index, is_concurrent in enumerate((False, True))
)


class PingedWorker(wire.FrameProtocol):
    """Counts the pings it is sent; the test lets it answer."""

    def __init__(self) -> None:
        super().__init__(lambda *_: None, lambda _: None)
        self.pings = 0

    def send(self, frame: bytes) -> None:
        assert wire.unpack(frame[4:]) == [wire.PING]
        self.pings += 1


class Ward:
    """One worker under observation."""

    def __init__(self) -> None:
        self.loop = ClockLoop()
        self.worker = PingedWorker()
        self.link = WorkerLink(1, self.worker)
        self.stuck: list[str] = []
        self.is_stopped = False
        self.heartbeat = Heartbeat(
            lambda: [self.link],
            TIMEOUT_S,
            cast("asyncio.AbstractEventLoop", self.loop),
            lambda _, reason: self.stuck.append(reason),
            lambda _: self.is_stopped,
        )
        self.heartbeat.start()

    def live(self, seconds: float) -> None:
        """Let time pass; the worker answers every ping at once."""
        for _ in range(round(seconds * 2)):
            self.loop.advance(0.5)
            if self.link.pulse.is_awaited:
                self.heartbeat.on_pong(self.link, 1000)


def test_worker_that_answers_is_left_alone() -> None:
    ward = Ward()
    ward.live(100)
    assert ward.stuck == []
    assert ward.worker.pings == pytest.approx(100, abs=2)
    assert ward.link.rss_bytes == 1000


def test_silent_worker_that_is_stopped_is_found_within_seconds() -> None:
    ward = Ward()
    ward.live(5)
    ward.is_stopped = True
    ward.loop.advance(4)
    assert ward.stuck[:1] == [STOPPED]


def test_silent_worker_that_runs_gets_the_whole_limit() -> None:
    ward = Ward()
    ward.live(5)
    ward.loop.advance(TIMEOUT_S - 1)
    assert ward.stuck == []
    ward.loop.advance(3)
    assert ward.stuck[:1] == [SILENT]


def test_front_that_was_held_up_itself_blames_nobody() -> None:
    ward = Ward()
    ward.live(5)
    ward.loop.advance(1)
    ward.loop.now_s += 100
    ward.loop.advance(1)
    assert ward.stuck == []


def test_plain_call_over_the_limit_is_hung_although_the_loop_answers() -> None:
    ward = Ward()
    ward.link.give(1, [], PLAIN)
    ward.live(TIMEOUT_S - 1)
    assert ward.stuck == []
    ward.live(3)
    assert ward.stuck[:1] == [HUNG]


def test_many_short_calls_are_not_one_long_call() -> None:
    ward = Ward()
    for batch_id in range(30):
        ward.link.give(batch_id, [], PLAIN)
        ward.live(2)
        ward.link.take_back(batch_id, PLAIN)
    assert ward.stuck == []


def test_long_coroutine_is_hung_only_once_it_was_told_to_end() -> None:
    ward = Ward()
    ward.link.give(1, [], COROUTINE)
    ward.live(5 * TIMEOUT_S)
    assert ward.stuck == []
    ward.link.cancelled[1] = 0.0
    ward.live(TIMEOUT_S + 2)
    assert ward.stuck[:1] == [HUNG]


def test_stop_ends_the_looking() -> None:
    ward = Ward()
    ward.heartbeat.stop()
    ward.loop.advance(100)
    assert (ward.worker.pings, ward.stuck) == (0, [])


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the system has no /proc")
def test_is_stopped_tells_what_the_system_says() -> None:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        assert not is_stopped(process.pid)
        os.kill(process.pid, signal.SIGSTOP)
        end_s = time.monotonic() + 10
        while not is_stopped(process.pid):
            assert time.monotonic() < end_s
    finally:
        process.kill()
        process.wait()
    assert not is_stopped(process.pid)
