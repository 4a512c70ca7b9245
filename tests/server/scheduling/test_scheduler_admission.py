"""Which requests the scheduler refuses when they come, and how batches are cut to meet deadlines."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bentoml.server.scheduling.admission import LEAST_EFFICIENCY, RESERVE
from bentoml.server.scheduling.scheduler import ApiPolicy, Job, Reason, Scheduler
from tests.server.scheduled import run, warm

WARM_SIZES = (1, 2, 4, 8, 16, 32, 3, 30, 5)


def costly(_: int, size: int) -> float:
    return 1.0 + 0.2 * size


def scheduler_of(
    seconds_of: Callable[[int, int], float] = costly, *, cap: int = 100, latency_s: float = 10.0, workers: int = 1
) -> Scheduler[Job]:
    """A scheduler that knows what batches cost, and whose workers are all busy until 5.0."""
    scheduler = Scheduler[Job]([ApiPolicy("a", True, cap, latency_s)])
    scheduler.set_workers(workers)
    warm(scheduler, seconds_of, WARM_SIZES)
    size = next(size for size in range(1, 1000) if seconds_of(0, size) >= 5.0)
    for batch_id in range(workers):
        running = [Job(0, 0.0, 10.0, 1) for _ in range(size)]
        scheduler.started(batch_id, running, 5.0 - seconds_of(0, size))
    return scheduler


def offer(scheduler: Scheduler[Job], now_s: float, count: int, *, budget_s: float = 10.0) -> int:
    """How many of some requests that come at once are taken."""
    return sum(scheduler.admit(Job(0, now_s, now_s + budget_s, 1), now_s) is None for _ in range(count))


def test_admit_takes_what_fits_into_the_batch_that_meets_the_first_deadline() -> None:
    # At 5.0 a batch begins that must end by 9.8, as 2% of the budget are kept, so it holds 19.
    assert offer(scheduler_of(), 0.0, 50) == 19


def test_admit_counts_in_real_batches() -> None:
    # Up to the deadline at 10.0 there is time for two batches of 5, each 2 s, and for none of those behind.
    assert offer(scheduler_of(cap=5), 0.0, 50) == 10
    # As one giant batch 50 would take 11 s.
    assert offer(scheduler_of(cap=5), 0.0, 50, budget_s=60.0) == 50


def test_admit_counts_on_all_workers() -> None:
    assert offer(scheduler_of(cap=5, workers=3), 0.0, 50) == 30


def test_admit_with_a_shorter_deadline_counts_from_its_place_in_the_line() -> None:
    scheduler = scheduler_of(cap=5)
    assert offer(scheduler, 0.0, 10) == 10
    assert offer(scheduler, 0.0, 1, budget_s=6.0) == 0
    assert offer(scheduler, 0.0, 1, budget_s=7.1) == 1


def test_refusal_tells_when_the_work_will_be_done() -> None:
    scheduler = scheduler_of(cap=5)
    offer(scheduler, 0.0, 10)
    refusal = scheduler.admit(Job(0, 0.0, 10.0, 1), 0.0)
    assert refusal is not None
    assert refusal.reason is Reason.TOO_LATE
    assert refusal.drain_s == pytest.approx(9.0)


def test_admit_on_a_free_worker_takes_even_what_will_be_late() -> None:
    scheduler = scheduler_of(workers=1)
    scheduler.finished(0, 5.0)
    assert offer(scheduler, 5.0, 1, budget_s=0.1) == 1


def test_admit_looks_again_when_a_batch_ends_early() -> None:
    scheduler = scheduler_of()
    assert offer(scheduler, 0.0, 50) == 19
    scheduler.finished(0, 1.0)
    assert offer(scheduler, 1.0, 50) == 20
    assert len(scheduler.next_batch(lambda _: True, 1.0)) == 39


def test_full_queue_is_refused_with_the_drain_time() -> None:
    scheduler = Scheduler[Job]([ApiPolicy("a", True, 5, 1000.0)], max_waiting=10)
    scheduler.set_workers(1)
    warm(scheduler, costly, WARM_SIZES)
    assert offer(scheduler, 0.0, 10, budget_s=1000.0) == 10
    refusal = scheduler.admit(Job(0, 0.0, 1000.0, 1), 0.0)
    assert refusal is not None
    assert refusal.reason is Reason.QUEUE_FULL
    assert refusal.drain_s == pytest.approx(4.0)


def test_batch_is_cut_to_meet_its_first_deadline() -> None:
    scheduler = scheduler_of()
    for latency_s in (10.0, *[20.0] * 60):
        scheduler.put_back([Job(0, 0.0, latency_s, 1)])
    scheduler.finished(0, 5.0)
    assert len(scheduler.next_batch(lambda _: True, 5.0)) == 20


def test_batch_ends_so_much_before_a_deadline_as_its_answers_need_for_their_way() -> None:
    def largest_batch(way_share: float) -> int:
        scheduler = Scheduler[Job]([ApiPolicy("a", True, 100, 10.0)], way_share=way_share)
        scheduler.set_workers(1)
        warm(scheduler, costly, WARM_SIZES)
        scheduler.put_back([Job(0, 0.0, latency_s, 1) for latency_s in (10.0, *[20.0] * 60)])
        return len(scheduler.next_batch(lambda _: True, 5.0))

    assert [largest_batch(way_share) for way_share in (0.0, 0.02)] == [20, 19]


def test_job_that_is_nearly_late_runs_alone_when_the_others_can_wait() -> None:
    scheduler = scheduler_of()
    nearly_late = Job(0, 0.0, 6.3, 1)
    scheduler.put_back([nearly_late, *(Job(0, 1.0, 20.0, 1) for _ in range(30))])
    scheduler.finished(0, 5.0)
    assert scheduler.next_batch(lambda _: True, 5.0) == [nearly_late]


def scheduler_that_passes_over() -> tuple[Scheduler[Job], list[Job], list[Job]]:
    """A scheduler, 5 jobs that are too late to be worth the while, and 30 that can just all be met at 5.0."""
    scheduler = scheduler_of()
    late = [Job(0, 0.1 * number, 6.3 + 0.1 * number, 1) for number in range(5)]
    others = [Job(0, 1.0, 12.1, 1) for _ in range(30)]
    scheduler.put_back([*late, *others])
    scheduler.finished(0, 5.0)
    return scheduler, late, others


def test_jobs_that_would_make_many_others_late_stand_aside_and_run_when_nothing_else_waits() -> None:
    scheduler, late, others = scheduler_that_passes_over()
    assert scheduler.next_batch(lambda _: True, 5.0) == others
    assert scheduler.next_deadline_s() == 6.3
    assert scheduler.next_batch(lambda _: True, 5.0) == late


def test_jobs_that_stand_aside_are_overdue_at_their_own_deadline_and_can_be_cancelled() -> None:
    scheduler, late, _ = scheduler_that_passes_over()
    assert len(scheduler.next_batch(lambda _: True, 5.0)) == 30
    scheduler.cancel(late[0])
    assert scheduler.waiting == 4
    assert scheduler.take_overdue(6.35) == []
    assert scheduler.take_overdue(6.65) == late[1:4]
    assert scheduler.take_all() == late[4:]
    assert (scheduler.waiting, scheduler.waiting_bytes, scheduler.lines[0].waiting_bytes) == (0, 0, 0)


def test_cold_scheduler_refuses_nothing() -> None:
    scheduler = Scheduler[Job]([ApiPolicy("a", True, 100, 0.001)])
    scheduler.set_workers(1)
    assert offer(scheduler, 0.0, 5000, budget_s=0.001) == 5000


arrivals = st.lists(st.floats(0.0, 2.0), min_size=1, max_size=60)


@settings(deadline=None)
@given(gaps_s=arrivals, level_s=st.sampled_from([0.1, 1.0, 3.0]), slope_s=st.sampled_from([0.02, 0.2, 1.0]),
       cap=st.sampled_from([1, 4, 1000]), workers=st.integers(1, 3))  # fmt: skip
@example(gaps_s=[0.0, 0.0, 0.0, 1.0], level_s=3.0, slope_s=1.0, cap=4, workers=1)
def test_no_request_is_refused_that_would_have_been_answered(
    gaps_s: list[float], level_s: float, slope_s: float, cap: int, workers: int
) -> None:
    """Take a refused request all the same: it is late, or makes others late, or it runs in a wasteful batch.

    "Late" counts the share of the budget that is kept for the way of the answer. The costs are known exactly, and no
    request comes after the refused one, so nothing else can be to blame.
    """

    def seconds_of(_: int, size: int) -> float:
        return level_s + slope_s * size

    policy = ApiPolicy("a", True, cap, 10.0)
    now_s = 0.0
    times_s = [now_s := now_s + gap_s * (gap_s > 0.5) for gap_s in gaps_s]

    def jobs(count: int) -> list[Job]:
        return [Job(0, time_s, time_s + 10.0, 1) for time_s in times_s[:count]]

    real = run([policy], jobs(len(times_s)), seconds_of, workers=workers, warm_sizes=WARM_SIZES)
    steady = min(cap, max(int((5.0 - level_s) / slope_s), 1))
    kept_s = 10.0 * RESERVE + 1e-6
    for position in real.refused[:5]:
        before = run([policy], jobs(position), seconds_of, workers=workers, warm_sizes=WARM_SIZES)
        forced = run([policy], jobs(position + 1), seconds_of, workers=workers, warm_sizes=WARM_SIZES, forced=position)
        if position in forced.in_time(kept_s) and before.in_time(kept_s) <= forced.in_time(kept_s):
            size = next(len(batch) for _, _, batch in forced.batches if position in batch)
            assert size / seconds_of(0, size) < LEAST_EFFICIENCY * steady / seconds_of(0, steady) + 1e-6


@settings(deadline=None)
@given(gaps_s=arrivals, budgets=st.lists(st.sampled_from([2.0, 5.0, 10.0]), min_size=60, max_size=60),
       workers=st.integers(1, 3), cap=st.sampled_from([1, 3, 1000]), is_warm=st.booleans())  # fmt: skip
def test_every_request_has_one_end_and_batches_keep_order_and_caps(
    gaps_s: list[float], budgets: list[float], workers: int, cap: int, is_warm: bool
) -> None:
    now_s = 0.0
    jobs = [
        Job(0, now_s := now_s + gap_s * (gap_s > 1.0), now_s + budget_s, 1)
        for gap_s, budget_s in zip(gaps_s, budgets, strict=False)
    ]
    outcome = run(
        [ApiPolicy("a", True, cap, 10.0)], jobs, costly, workers=workers, warm_sizes=WARM_SIZES if is_warm else ()
    )
    ended = [*outcome.refused, *outcome.overdue, *outcome.ends_s]
    assert sorted(ended) == list(range(len(jobs)))
    for start_s, _, batch in outcome.batches:
        assert 1 <= len(batch) <= cap
        keys = [(jobs[position].deadline_s, jobs[position].arrived_s, position) for position in batch]
        assert keys == sorted(keys)
        # Whoever is due sooner and was there has run before, or stood aside because it would have been late.
        for position, job in enumerate(jobs):
            waited = job.arrived_s < start_s and outcome.ends_s.get(position, 0.0) > start_s and position not in batch
            started_later = any(later_s > start_s and position in mates for later_s, _, mates in outcome.batches)
            if waited and started_later and job.deadline_s < keys[0][0]:
                assert outcome.ends_s[position] > job.deadline_s or job.deadline_s - start_s < costly(0, len(batch))
