from __future__ import annotations

from collections import deque
from itertools import repeat

import pytest

from bentoml.yatai.remote.failures import TransientError
from bentoml.yatai.remote.patience import Patience


class Clock:
    """A time that passes by being waited for."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.waits_s: list[float] = []

    def __call__(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.waits_s.append(seconds)
        self.now_s += seconds


def waited_out(patience: Patience, error: TransientError) -> None:
    with pytest.raises(TransientError) as given_up:
        deque(map(patience.wait, repeat(error)), maxlen=0)
    assert given_up.value is error


def test_wait_grows_and_ends_within_the_time() -> None:
    clock = Clock()
    waited_out(Patience(60, clock, clock.sleep), TransientError("busy"))
    assert 0.05 <= clock.waits_s[0] <= 0.1
    assert max(clock.waits_s) <= 5
    assert 50 < clock.now_s <= 60


def test_wait_when_there_was_progress_begins_anew() -> None:
    clock = Clock()
    patience = Patience(10, clock, clock.sleep)
    for _ in range(50):
        patience.wait(TransientError("busy"))
        patience.moved()
    assert clock.waits_s[-1] <= 0.1
    waited_out(patience, TransientError("busy"))


def test_wait_when_the_registry_says_how_long_is_no_shorter() -> None:
    clock = Clock()
    Patience(60, clock, clock.sleep).wait(TransientError("busy", retry_after_s=7))
    assert clock.waits_s == [7]


def test_wait_when_asked_for_longer_than_the_time_gives_up_at_once() -> None:
    clock = Clock()
    with pytest.raises(TransientError):
        Patience(5, clock, clock.sleep).wait(TransientError("busy", retry_after_s=7))
    assert clock.waits_s == []


def test_wait_when_the_first_attempt_took_longer_than_the_time_gives_it_another() -> None:
    clock = Clock()
    patience = Patience(60, clock, clock.sleep)
    clock.now_s = 90
    patience.wait(TransientError("silent"))
    assert len(clock.waits_s) == 1
    clock.now_s += 90
    with pytest.raises(TransientError):
        patience.wait(TransientError("silent"))
