"""How the APIs of a service share the workers' time."""

from __future__ import annotations

import pytest

from bentoml.server.scheduling.line import QUANTUM_S
from bentoml.server.scheduling.scheduler import ApiPolicy, Job, Scheduler
from tests.server.scheduled import Outcome, run

WARM_SIZES = (1, 2, 4, 8, 16, 32)


def stream(api: int, every_s: float, until_s: float, budget_s: float, *, from_s: float = 0.0) -> list[Job]:
    """Requests at a steady rate."""
    count = int((until_s - from_s) / every_s)
    return [Job(api, from_s + number * every_s, from_s + number * every_s + budget_s, 1) for number in range(count)]


def run_both(policies: list[ApiPolicy], *streams: list[Job], costs_s: list[float], workers: int = 1) -> Outcome:
    """Run streams together; a batch of an API takes its `costs_s` and a hundredth of it per request."""
    jobs = sorted((job for each in streams for job in each), key=lambda job: job.arrived_s)
    return run(
        policies, jobs, lambda api, size: costs_s[api] * (1 + 0.01 * size), workers=workers, warm_sizes=WARM_SIZES
    )


def share_in_time(outcome: Outcome, api: int) -> float:
    of_api = [position for position, job in enumerate(outcome.jobs) if job.api == api]
    return len(outcome.in_time() & set(of_api)) / len(of_api)


def busy_s(outcome: Outcome, api: int, costs_s: list[float]) -> float:
    return sum(costs_s[api] * (1 + 0.01 * len(batch)) for _, of, batch in outcome.batches if of == api)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("flood_budget_s", [0.3, 2.0, 20.0])
def test_flood_on_one_api_does_not_starve_another(flood_budget_s: float, workers: int) -> None:
    policies = [ApiPolicy("flood", True, 10, flood_budget_s), ApiPolicy("calm", False, 1, 0.5)]
    flood = stream(0, 0.001, 10.0, flood_budget_s)
    calm = stream(1, 0.1, 10.0, 0.5, from_s=0.05)
    outcome = run_both(policies, flood, calm, costs_s=[0.02, 0.02], workers=workers)
    assert share_in_time(outcome, 1) == 1.0
    assert share_in_time(outcome, 0) > 0.2


def test_two_floods_get_the_same_time_whatever_their_batches_cost() -> None:
    costs_s = [0.1, 0.01]
    policies = [ApiPolicy("dear", True, 5, 5.0), ApiPolicy("cheap", True, 5, 5.0)]
    outcome = run_both(policies, stream(0, 0.005, 20.0, 5.0), stream(1, 0.001, 20.0, 5.0), costs_s=costs_s)
    within = Outcome(outcome.jobs, batches=[each for each in outcome.batches if 5.0 <= each[0] < 20.0])
    assert busy_s(within, 0, costs_s) == pytest.approx(busy_s(within, 1, costs_s), abs=2 * QUANTUM_S + 0.2)


def test_api_that_had_nothing_to_do_saves_up_no_more_than_a_quantum() -> None:
    costs_s = [0.05, 0.05]
    policies = [ApiPolicy("always", True, 5, 2.0), ApiPolicy("later", True, 5, 2.0)]
    outcome = run_both(policies, stream(0, 0.002, 30.0, 2.0), stream(1, 0.002, 30.0, 2.0, from_s=20.0), costs_s=costs_s)
    within = Outcome(outcome.jobs, batches=[each for each in outcome.batches if 20.0 <= each[0] < 24.0])
    assert busy_s(within, 0, costs_s) > 1.5


def test_within_a_quantum_the_sooner_deadline_goes_first() -> None:
    scheduler = Scheduler[Job]([ApiPolicy("a", False, 1, 10.0), ApiPolicy("b", False, 1, 10.0)])
    scheduler.set_workers(1)
    for api, seconds in ((0, 0.04), (1, 0.01)):
        scheduler.admit(Job(api, 0.0, 10.0, 1), 0.0)
        scheduler.started(api, scheduler.next_batch(lambda _: True, 0.0), 0.0)
        scheduler.finished(api, seconds)
    late, soon = Job(1, 1.0, 8.0, 1), Job(0, 1.0, 5.0, 1)
    scheduler.admit(late, 1.0)
    scheduler.admit(soon, 1.0)
    assert scheduler.next_batch(lambda _: True, 1.0) == [soon]


def test_admit_counts_the_work_of_other_apis_that_goes_before() -> None:
    scheduler = Scheduler[Job]([ApiPolicy("a", True, 100, 20.0), ApiPolicy("b", True, 100, 3.0)])
    scheduler.set_workers(1)
    for line in scheduler.lines:
        for size in WARM_SIZES:
            line.model.observe(size, 1.0 + 0.01 * size)
    scheduler.started(0, [Job(0, 0.0, 20.0, 1)], 0.0)
    for _ in range(100):
        assert scheduler.admit(Job(0, 0.0, 20.0, 1), 0.0) is None
    # At 1.01 the worker is free. The other API has had 1.01 s then, and needs 2 s more.
    assert scheduler.admit(Job(1, 0.0, 2.1, 1), 0.0) is None
    scheduler.take_overdue(2.1)
    scheduler.lines[1].used_s = 5.0
    assert scheduler.admit(Job(1, 0.0, 3.0, 1), 0.0) is not None
    assert scheduler.admit(Job(1, 0.0, 5.0, 1), 0.0) is None


def test_coroutines_take_nothing_from_the_workers_threads() -> None:
    policies = [ApiPolicy("plain", False, 1, 10.0), ApiPolicy("coroutine", False, 1, 10.0, is_concurrent=True)]
    scheduler = Scheduler[Job](policies)
    scheduler.set_workers(1)
    for line in scheduler.lines:
        for _ in range(5):
            line.model.observe(1, 4.0)
    scheduler.started(0, [Job(0, 0.0, 10.0, 1)], 0.0)
    for number in range(1, 50):
        scheduler.admit(Job(1, 0.0, 10.0, 1), 0.0)
        scheduler.started(number, scheduler.next_batch(lambda api: api == 1, 0.0), 0.0)
    assert scheduler.lines[1].used_s == 0.0
    # The thread is free at 4.0 and again at 8.0.
    assert scheduler.admit(Job(0, 0.0, 10.0, 1), 0.0) is None
    assert scheduler.admit(Job(0, 0.0, 10.0, 1), 0.0) is not None
