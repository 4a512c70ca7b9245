"""The scheduler alone: what runs next, and that nothing is lost or given out twice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from bentoml.server.scheduling.scheduler import ApiPolicy, Job, Reason, Scheduler, State


def policy(name: str = "a", *, batch: bool = True, size: int = 4, latency_s: float = 10.0) -> ApiPolicy:
    return ApiPolicy(name, batch, size, latency_s)


def job(arrived_s: float, *, api: int = 0, latency_s: float = 10.0, size_bytes: int = 1) -> Job:
    return Job(api, arrived_s, arrived_s + latency_s, size_bytes)


def any_api(_: int) -> bool:
    return True


def test_next_batch_when_nothing_waits_is_empty() -> None:
    assert Scheduler[Job]([policy()]).next_batch(any_api, 0.0) == []


def test_next_batch_takes_in_order_of_arrival_up_to_the_cap() -> None:
    scheduler = Scheduler[Job]([policy(size=4)])
    jobs = [job(float(second)) for second in range(6)]
    for each in jobs:
        assert scheduler.admit(each, 0.0) is None
    assert scheduler.next_batch(any_api, 0.0) == jobs[:4]
    assert scheduler.next_batch(any_api, 0.0) == jobs[4:]
    assert all(each.state is State.RUNNING and each.attempts == 1 for each in jobs)


def test_next_batch_of_an_api_without_batching_holds_one() -> None:
    scheduler = Scheduler[Job]([policy(batch=False, size=100)])
    for second in range(3):
        scheduler.admit(job(float(second)), 0.0)
    assert [len(scheduler.next_batch(any_api, 0.0)) for _ in range(4)] == [1, 1, 1, 0]


def test_next_batch_never_mixes_apis_and_takes_the_soonest_due_first() -> None:
    scheduler = Scheduler[Job]([policy("slow", latency_s=100), policy("fast", latency_s=1)])
    slow, fast = job(0.0, latency_s=100), job(5.0, api=1, latency_s=1)
    scheduler.admit(slow, 0.0)
    scheduler.admit(fast, 0.0)
    assert scheduler.next_batch(any_api, 0.0) == [fast]
    assert scheduler.next_batch(any_api, 0.0) == [slow]


def test_next_batch_asks_whether_a_worker_can_take_the_api() -> None:
    scheduler = Scheduler[Job]([policy("first"), policy("second")])
    first, second = job(0.0), job(1.0, api=1)
    scheduler.admit(first, 0.0)
    scheduler.admit(second, 0.0)
    assert scheduler.next_batch(lambda api: api == 1, 0.0) == [second]
    assert scheduler.next_batch(lambda _: False, 0.0) == []
    assert scheduler.waiting == 1


def test_next_batch_is_closed_before_it_grows_too_heavy() -> None:
    scheduler = Scheduler[Job]([policy(size=10)], max_batch_bytes=100)
    sizes = [60, 40, 1, 500, 1]
    for second, size_bytes in enumerate(sizes):
        scheduler.admit(job(float(second), size_bytes=size_bytes), 0.0)
    assert [[each.size_bytes for each in scheduler.next_batch(any_api, 0.0)] for _ in range(4)] == [
        [60, 40],
        [1],
        [500],
        [1],
    ]


@pytest.mark.parametrize("bounds", [{"max_waiting": 2}, {"max_waiting_bytes": 20}], ids=["requests", "bytes"])
def test_admit_stops_at_the_bound_and_goes_on_when_there_is_room(bounds: dict[str, int]) -> None:
    scheduler = Scheduler[Job]([policy(size=1)], **bounds)
    assert scheduler.admit(job(0.0, size_bytes=10), 0.0) is None
    assert scheduler.admit(job(1.0, size_bytes=10), 0.0) is None
    refused = job(2.0, size_bytes=10)
    assert scheduler.admit(refused, 0.0) is not None
    assert refused.state is State.NEW
    scheduler.next_batch(any_api, 0.0)
    assert scheduler.admit(refused, 0.0) is None


def test_put_back_goes_to_the_head_in_the_old_order() -> None:
    scheduler = Scheduler[Job]([policy(size=3)])
    jobs = [job(float(second)) for second in range(4)]
    for each in jobs:
        scheduler.admit(each, 0.0)
    batch = scheduler.next_batch(any_api, 0.0)
    scheduler.put_back(batch)
    assert scheduler.next_batch(any_api, 0.0) == jobs[:3]
    assert [each.attempts for each in jobs] == [2, 2, 2, 0]


def test_put_back_by_several_workers_restores_the_order_of_arrival() -> None:
    scheduler = Scheduler[Job]([policy(size=2)])
    jobs = [job(float(second)) for second in range(6)]
    for each in jobs:
        scheduler.admit(each, 0.0)
    older, newer = scheduler.next_batch(any_api, 0.0), scheduler.next_batch(any_api, 0.0)
    scheduler.put_back(older)
    scheduler.put_back(newer)
    assert scheduler.next_deadline_s() == jobs[0].deadline_s
    assert [scheduler.next_batch(any_api, 0.0) for _ in range(3)] == [jobs[:2], jobs[2:4], jobs[4:]]


def test_cancel_takes_one_out_and_leaves_its_mates() -> None:
    scheduler = Scheduler[Job]([policy()])
    jobs = [job(float(second)) for second in range(3)]
    for each in jobs:
        scheduler.admit(each, 0.0)
    scheduler.cancel(jobs[1])
    assert (scheduler.waiting, scheduler.waiting_bytes) == (2, 2)
    assert scheduler.next_batch(any_api, 0.0) == [jobs[0], jobs[2]]
    scheduler.cancel(jobs[0])
    assert scheduler.waiting == 0


def test_cancelled_jobs_do_not_pile_up_behind_one_that_waits() -> None:
    scheduler = Scheduler[Job]([policy()])
    scheduler.admit(job(0.0), 0.0)
    for second in range(5000):
        leaving = job(float(second))
        scheduler.admit(leaving, 0.0)
        scheduler.cancel(leaving)
    assert len(scheduler.lines[0].jobs) == 1


def test_take_overdue_returns_only_what_is_due() -> None:
    scheduler = Scheduler[Job]([policy(latency_s=10), policy("b", latency_s=2)])
    early, late, other = job(0.0), job(5.0), job(1.0, api=1, latency_s=2)
    for each in (early, late, other):
        scheduler.admit(each, 0.0)
    assert scheduler.next_deadline_s() == 3.0
    assert scheduler.take_overdue(2.9) == []
    assert set(scheduler.take_overdue(10.0)) == {early, other}
    assert scheduler.next_deadline_s() == 15.0
    assert scheduler.take_all() == [late]
    assert scheduler.next_deadline_s() is None
    assert (scheduler.waiting, scheduler.waiting_bytes) == (0, 0)


def test_shorter_deadlines_go_first_and_equals_in_order_of_arrival() -> None:
    scheduler = Scheduler[Job]([policy(size=10)])
    jobs = [Job(0, 0.0, 10.0, 1), Job(0, 1.0, 11.0, 1), Job(0, 2.0, 5.0, 1), Job(0, 3.0, 10.0, 1), Job(0, 4.0, 5.0, 1)]
    for each in jobs:
        scheduler.admit(each, each.arrived_s)
    assert scheduler.next_batch(any_api, 4.0) == [jobs[2], jobs[4], jobs[0], jobs[3], jobs[1]]


@given(sizes=st.lists(st.integers(1, 50), max_size=60), cap=st.integers(1, 8))
def test_batches_hold_every_job_once_in_order(sizes: list[int], cap: int) -> None:
    scheduler = Scheduler[Job]([policy(size=cap)], max_batch_bytes=64)
    jobs = [job(float(index), size_bytes=size) for index, size in enumerate(sizes)]
    for each in jobs:
        assert scheduler.admit(each, 0.0) is None
    given_out: list[Job] = []
    while batch := scheduler.next_batch(any_api, 0.0):
        assert len(batch) <= cap
        assert len(batch) == 1 or sum(each.size_bytes for each in batch) <= 64
        given_out += batch
    assert given_out == jobs


class SchedulerMachine(RuleBasedStateMachine):
    """Random callers, workers, deaths, cancellations and deadlines against a plain account of every job."""

    @initialize(caps=st.lists(st.integers(1, 5), min_size=1, max_size=3), bound=st.integers(1, 12))
    def build(self, caps: list[int], bound: int) -> None:
        policies = [policy(str(index), size=cap, latency_s=10.0 * (index + 1)) for index, cap in enumerate(caps)]
        self.scheduler = Scheduler[Job](policies, max_waiting=bound)
        self.scheduler.set_workers(2)
        self.bound = bound
        self.now_s = 0.0
        self.waiting: list[Job] = []
        self.running: dict[int, list[Job]] = {}
        self.ended: list[Job] = []
        self.batches = self.taken = 0

    @rule(api=st.integers(0, 2), wait_s=st.floats(0, 3), budget_s=st.sampled_from([0.5, 5.0, 60.0]))
    def arrive(self, api: int, wait_s: float, budget_s: float) -> None:
        self.now_s += wait_s
        api %= len(self.scheduler.policies)
        budget_s = min(budget_s, self.scheduler.policies[api].max_latency_s)
        new = Job(api, self.now_s, self.now_s + budget_s, 1)
        is_measured = self.scheduler.lines[api].model.is_ready
        refusal = self.scheduler.admit(new, self.now_s)
        if len(self.waiting) >= self.bound:
            assert refusal is not None
            assert refusal.reason is Reason.QUEUE_FULL
        elif refusal is not None:
            assert refusal.reason is Reason.TOO_LATE
            assert is_measured
            assert self.waiting or len(self.running) >= 2
        if refusal is None:
            self.waiting.append(new)
            self.taken += 1
        else:
            assert new.state is State.NEW

    @rule()
    def start(self) -> None:
        if len(self.running) >= 2:
            return
        batch = self.scheduler.next_batch(any_api, self.now_s)
        assert bool(batch) == bool(self.waiting)
        if not batch:
            return
        assert len({each.api for each in batch}) == 1
        assert len(batch) <= self.scheduler.policies[batch[0].api].batch_cap
        assert [each.deadline_s for each in batch] == sorted(each.deadline_s for each in batch)
        for each in batch:
            self.waiting.remove(each)
        self.batches += 1
        self.scheduler.started(self.batches, batch, self.now_s)
        self.running[self.batches] = batch

    @rule(index=st.integers(0, 1), seconds=st.floats(0, 20))
    def finish(self, index: int, seconds: float) -> None:
        if self.running:
            self.now_s += seconds
            batch_id = sorted(self.running)[index % len(self.running)]
            self.scheduler.finished(batch_id, self.now_s)
            for each in self.running.pop(batch_id):
                each.state = State.DONE
                self.ended.append(each)

    @rule(index=st.integers(0, 1))
    def worker_dies(self, index: int) -> None:
        if self.running:
            batch_id = sorted(self.running)[index % len(self.running)]
            self.scheduler.abandoned(batch_id)
            live = [each for each in self.running.pop(batch_id) if each.state is State.RUNNING]
            self.scheduler.put_back(live)
            self.waiting += live

    @rule(index=st.integers(0, 50))
    def cancel(self, index: int) -> None:
        if self.waiting:
            leaving = self.waiting.pop(index % len(self.waiting))
            self.scheduler.cancel(leaving)
            self.ended.append(leaving)

    @rule(index=st.integers(0, 50))
    def cancel_running(self, index: int) -> None:
        running = [(batch, each) for batch in self.running.values() for each in batch]
        if running:
            batch, leaving = running[index % len(running)]
            self.scheduler.cancel(leaving)
            batch.remove(leaving)
            self.ended.append(leaving)

    @rule(wait_s=st.floats(0, 30))
    def deadlines_pass(self, wait_s: float) -> None:
        self.now_s += wait_s
        overdue = self.scheduler.take_overdue(self.now_s)
        assert set(overdue) == {each for each in self.waiting if each.deadline_s <= self.now_s}
        self.waiting = [each for each in self.waiting if each not in overdue]
        self.ended += overdue

    @invariant()
    def everything_is_accounted_for(self) -> None:
        if not hasattr(self, "scheduler"):
            return
        running = [each for batch in self.running.values() for each in batch]
        everything = self.waiting + running + self.ended
        assert len(everything) == len(set(everything)) == self.taken
        assert self.scheduler.waiting == len(self.waiting) == self.scheduler.waiting_bytes
        assert sum(line.waiting_bytes for line in self.scheduler.lines) == len(self.waiting)
        assert all(each.state is State.WAITING for each in self.waiting)
        soonest_s = min((each.deadline_s for each in self.waiting), default=None)
        assert self.scheduler.next_deadline_s() == soonest_s
        assert sum(line.slots.running == {} for line in self.scheduler.lines) in {0, len(self.scheduler.lines)}


TestSchedulerMachine = SchedulerMachine.TestCase
