"""The scheduler in the simulator: it answers at least as many requests as a window tuned for the very load."""

from __future__ import annotations

import pytest

from benchmarks.simulate import compare
from benchmarks.simulation.policies import FixedWindow
from benchmarks.simulation.service_times import SERVICE_TIMES, ServiceTime
from benchmarks.simulation.simulator import goodput_of_window
from benchmarks.simulation.traces import TRACES
from tests.thoroughness import is_thorough

LOADS = (0.1, 0.5, 0.9, 1.0, 1.5)
SEEDS = (1, 2) if is_thorough() else (1,)
# As in the full table, at a twentieth of the rate, so that a short run has as many batches.
QUICK = (
    ServiceTime("level", 0.008, 0.0006, 0.05),
    ServiceTime("level, cap", 0.008, 0.0006, 0.05, cap=8),
    ServiceTime("level, 4 workers", 0.008, 0.0006, 0.05, workers=4),
    ServiceTime("level, noise", 0.008, 0.0006, 0.05, sigma=0.3, stall_share=0.02, stall_factor=4.0),
    ServiceTime("slope", 1.0, 0.2, 10.0),
    ServiceTime("slope, 2 workers, noise", 1.0, 0.2, 10.0, workers=2, sigma=0.3),
)


@pytest.mark.parametrize("trace", TRACES)
@pytest.mark.parametrize("service", QUICK, ids=lambda service: service.name)
def test_scheduler_is_at_or_above_the_best_window_at_every_load(service: ServiceTime, trace: str) -> None:
    # What chance makes of runs this short: a few stalls that one of both meets at a worse moment.
    tolerance, deadlines = (0.01, 160) if service.sigma else (0.003, 40)
    rows = list(compare(service, trace, LOADS, deadlines=deadlines, seeds=SEEDS))
    assert [row.load for row in rows if row.own < row.window - tolerance] == []
    overload = rows[-1]
    assert overload.own > 2 * overload.window
    assert overload.own > 2 * overload.single


def test_simulation_gives_the_same_numbers_again() -> None:
    first, second = (list(compare(QUICK[0], "bursts", (0.5, 1.5), deadlines=10, seeds=(3,))) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("trace", TRACES)
def test_traces_have_the_rate_that_was_asked_for(trace: str) -> None:
    times_s = TRACES[trace](100.0, 50_000, 0.1, 7)
    assert times_s == sorted(times_s)
    assert len(times_s) / times_s[-1] == pytest.approx(100.0, rel=0.1)


def test_window_sends_a_full_batch_at_once_and_another_after_its_timeout() -> None:
    service = ServiceTime("exact", 1.0, 0.1, 4.0)
    # The first two go at 0.2, end at 1.4; the third waits until 2.5 and ends at 3.6.
    assert goodput_of_window(FixedWindow(2, 2.0), [0.0, 0.2, 0.5], service, 1) == 1.0
    # The window of the second pair opens when the worker is free at 1.2, which ends at 2.4.
    assert goodput_of_window(FixedWindow(2, 0.0), [0.0, 0.2, 0.5], ServiceTime("tight", 1.0, 0.1, 1.2), 1) == 1 / 3


def test_names_of_service_times_are_distinct() -> None:
    assert len({service.name for service in SERVICE_TIMES}) == len(SERVICE_TIMES)
