"""How often passwords may be wrong, by a clock that the tests move."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bentoml.yatai.server.errors import RequestRefused
from bentoml.yatai.server.login_limits import MAX_KEPT, LoginLimits


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def limits(clock: Clock) -> LoginLimits:
    return LoginLimits(3, clock)


def refused(attempt: Callable[[], None]) -> int | None:
    """How many seconds somebody is to wait; None for who is let through."""
    try:
        attempt()
    except RequestRefused as error:
        return int(error.headers["retry-after"]) if error.http_status == 429 else -1
    return None


def test_begin_when_a_user_failed_often_refuses_from_every_address(limits: LoginLimits, clock: Clock) -> None:
    for number in range(3):
        limits.begin("ann", f"10.0.0.{number}")
        clock.now_s += 10
    assert refused(lambda: limits.begin("ann", "10.0.0.9")) == 30
    assert refused(lambda: limits.begin("bob", "10.0.0.9")) is None


def test_begin_when_an_address_failed_often_refuses_every_user(limits: LoginLimits) -> None:
    for number in range(3):
        limits.begin(f"user{number}", "10.0.0.1")
    assert refused(lambda: limits.begin("ann", "10.0.0.1")) == 60
    assert refused(lambda: limits.begin("ann", "10.0.0.2")) is None


def test_begin_after_the_minute_lets_as_many_through_as_are_over(limits: LoginLimits, clock: Clock) -> None:
    for _ in range(3):
        limits.begin("ann", "10.0.0.1")
        clock.now_s += 10
    clock.now_s = 59.5
    assert refused(lambda: limits.begin("ann", "10.0.0.1")) == 1
    clock.now_s = 60.0
    assert refused(lambda: limits.begin("ann", "10.0.0.1")) is None
    assert refused(lambda: limits.begin("ann", "10.0.0.1")) == 10


def test_refusals_do_not_count_as_attempts(limits: LoginLimits, clock: Clock) -> None:
    for _ in range(3):
        limits.begin("ann", "10.0.0.1")
    clock.now_s = 59.0
    for _ in range(100):
        assert refused(lambda: limits.begin("ann", "10.0.0.1")) == 1
    clock.now_s = 60.0
    assert refused(lambda: limits.begin("ann", "10.0.0.1")) is None


def test_succeeded_forgets_the_failures_of_the_user_and_not_those_of_the_address(limits: LoginLimits) -> None:
    for user in ("bob", "ann", "ann"):
        limits.begin(user, "10.0.0.1")
    limits.succeeded("ann", "10.0.0.1")
    limits.begin("ann", "10.0.0.1")
    assert refused(lambda: limits.begin("ann", "10.0.0.1")) is not None
    for _ in range(2):
        assert refused(lambda: limits.begin("ann", "10.0.0.2")) is None


def test_begin_when_many_names_are_tried_keeps_a_bounded_number(limits: LoginLimits) -> None:
    for number in range(MAX_KEPT + 10):
        limits.begin(f"user{number}", f"address{number}")
    assert len(limits._times) == MAX_KEPT
