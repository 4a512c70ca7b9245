"""One timer for all deadlines, on a clock of the test."""

from __future__ import annotations

import asyncio
from typing import cast

from bentoml.server.scheduling.alarm import NEVER_S, Alarm
from tests.server.clock_loop import ClockLoop


def alarm_on(loop: ClockLoop) -> tuple[Alarm, list[float]]:
    rung: list[float] = []
    return Alarm(cast(asyncio.AbstractEventLoop, loop), rung.append), rung


def test_alarm_goes_off_once_with_the_time_it_was_set_to() -> None:
    loop = ClockLoop()
    alarm, rung = alarm_on(loop)
    alarm.set(loop.time() + 1.0)
    due_s = alarm.when_s
    loop.advance(0.5)
    assert rung == []
    loop.advance(5.0)
    assert rung == [due_s]


def test_alarm_set_again_goes_off_at_the_new_time_only() -> None:
    loop = ClockLoop()
    alarm, rung = alarm_on(loop)
    began_s = loop.time()
    alarm.set(began_s + 2.0)
    alarm.set(began_s + 1.0)
    loop.advance(3.0)
    assert rung == [began_s + 1.0]


def test_alarm_set_to_never_does_not_go_off() -> None:
    loop = ClockLoop()
    alarm, rung = alarm_on(loop)
    alarm.set(loop.time() + 1.0)
    alarm.set(NEVER_S)
    loop.advance(3.0)
    assert (rung, alarm.when_s) == ([], NEVER_S)
