"""When a dead worker is followed at once, after a pause, or not any more."""

from __future__ import annotations

import pytest

from bentoml.server.supervision.restarts import FREE_DEATHS, MAX_EARLY_DEATHS, STEADY_S, Restarts


def test_worker_that_dies_young_again_and_again_is_a_loop_with_growing_pauses() -> None:
    restarts = Restarts()
    pauses_s = [restarts.died(float(turn), lived_s=None, had_work=False) for turn in range(MAX_EARLY_DEATHS)]
    assert restarts.is_loop
    assert pauses_s[0] == 0.0
    assert pauses_s[1:] == sorted(set(pauses_s[1:]))
    assert sum(pauses_s) < 5


@pytest.mark.parametrize("lived_s", [STEADY_S + 1, None], ids=["steady", "with-work"])
def test_death_that_is_no_sign_of_a_loop_does_not_make_one(lived_s: float | None) -> None:
    restarts = Restarts()
    for turn in range(50):
        restarts.died(turn * 30.0, lived_s=lived_s, had_work=lived_s is None)
    assert not restarts.is_loop


@pytest.mark.parametrize("had_work", [False, True], ids=["idle", "over-its-calls"])
def test_one_steady_worker_starts_the_count_anew(had_work: bool) -> None:
    restarts = Restarts()
    for turn in range(20):
        is_steady = turn % 4 == 0
        restarts.died(turn * 30.0, lived_s=STEADY_S + 1 if is_steady else 1.0, had_work=is_steady and had_work)
    assert not restarts.is_loop


def test_many_deaths_over_calls_are_slowed_down_and_forgiven_after_a_minute() -> None:
    restarts = Restarts()
    assert [restarts.died(0.0, lived_s=1.0, had_work=True) for _ in range(FREE_DEATHS)] == [0.0] * FREE_DEATHS
    assert 0 < restarts.died(1.0, lived_s=1.0, had_work=True) < restarts.died(2.0, lived_s=1.0, had_work=True)
    assert restarts.died(100.0, lived_s=1.0, had_work=True) == 0.0
