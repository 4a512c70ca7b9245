"""Waiting for clients that come back: only where it pays, never for long, and never for a request that comes alone."""

from __future__ import annotations

import pytest

from bentoml.server.scheduling.gathering import MAX_WAIT_S, Gathering
from tests.server.front.test_dispatch import Bench

DEAR_S = 0.008


@pytest.mark.parametrize(
    ("level_s", "answered", "waiting", "wait_s"),
    [
        pytest.param(DEAR_S, 32, 32, 0.002, id="half of the clients wait already"),
        pytest.param(DEAR_S, 32, 0, 0.002, id="none waits yet"),
        pytest.param(1.0, 32, 32, MAX_WAIT_S, id="a very dear call"),
        pytest.param(0.003, 64, 64, 0.001, id="a call that is just dear enough"),
        pytest.param(0.002, 8, 8, 0.0, id="a cheap call"),
        pytest.param(0.0, 8, 8, 0.0, id="nothing is known"),
        pytest.param(DEAR_S, 300, 300, 0.0, id="writing takes longer than half a call"),
        pytest.param(DEAR_S, 8, 17, 0.0, id="few come back to many"),
    ],
)
def test_begin_holds_where_it_pays(level_s: float, answered: int, waiting: int, wait_s: float) -> None:
    gathering = Gathering()
    assert gathering.begin(level_s, answered, waiting) == pytest.approx(wait_s)
    assert gathering.is_on == (wait_s > 0)


def test_arrived_tells_when_as_many_have_come_as_were_answered() -> None:
    gathering = Gathering()
    gathering.begin(DEAR_S, 3, 1)
    assert [gathering.arrived() for _ in range(3)] == [False, False, True]


def test_begin_after_clients_that_do_not_come_back_holds_now_and_then_only() -> None:
    gathering = Gathering()
    held = 0
    for _ in range(330):
        if gathering.begin(DEAR_S, 4, 4):
            held += 1
            gathering.end()
    assert 3 <= held <= 15
    while not gathering.begin(DEAR_S, 4, 4):
        pass
    for _ in range(8):  # they are back
        for _ in range(4):
            gathering.arrived()
        gathering.end()
        while not gathering.begin(DEAR_S, 4, 4):
            pass
    gathering.end()
    assert gathering.begin(DEAR_S, 4, 4) > 0


def learned(bench: Bench) -> None:
    """Let the dispatcher see that a call takes `DEAR_S`."""
    for number in range(4):
        bench.submit(f"first {number}")
        bench.loop.turn()
        bench.loop.advance(DEAR_S)
        bench.workers[0].finish(bench.dispatcher)
    bench.loop.advance(1)


def test_dear_batch_waits_until_all_clients_are_back_and_no_longer() -> None:
    bench = Bench()
    learned(bench)
    for text in ("a", "b"):
        bench.submit(text)
    bench.loop.turn()
    bench.submit("c")
    bench.loop.advance(DEAR_S)
    bench.workers[0].finish(bench.dispatcher)
    bench.loop.turn()
    assert bench.workers[0].texts == []
    bench.submit("a again")
    bench.loop.turn()
    assert bench.workers[0].texts == []
    bench.submit("b again")
    bench.loop.turn()
    assert bench.workers[0].texts == [["c", "a again", "b again"]]


def test_dear_batch_goes_off_after_a_moment_when_clients_stay_away() -> None:
    bench = Bench()
    learned(bench)
    bench.submit("a", "b")
    bench.loop.turn()
    bench.submit("c")
    bench.loop.advance(DEAR_S)
    bench.workers[0].finish(bench.dispatcher)
    bench.loop.advance(MAX_WAIT_S)
    assert bench.workers[0].texts == [["c"]]


def test_one_client_that_asks_again_and_again_never_waits() -> None:
    bench = Bench()
    learned(bench)
    for number in range(5):
        (call,) = bench.submit(f"again {number}")
        bench.loop.turn()
        assert bench.workers[0].texts == [[call.request_id]]
        bench.loop.advance(DEAR_S)
        bench.workers[0].finish(bench.dispatcher)


def test_other_client_that_comes_just_after_an_answer_waits_a_moment_at_most() -> None:
    bench = Bench()
    learned(bench)
    bench.submit("a", "b")
    bench.loop.turn()
    bench.loop.advance(DEAR_S)
    bench.workers[0].finish(bench.dispatcher)
    bench.submit("c")
    bench.loop.advance(MAX_WAIT_S)
    assert bench.workers[0].texts == [["c"]]
