"""The clock of the simulation."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from heapq import heappop, heappush, heapreplace
from typing import TYPE_CHECKING

from benchmarks.simulation.service_times import Clockwork
from bentoml.server.scheduling.jobs import Job

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.simulation.policies import FixedWindow, OwnScheduler
    from benchmarks.simulation.service_times import ServiceTime

_NEVER_S = float("inf")


def goodput_of_window(window: FixedWindow, arrivals_s: Sequence[float], service: ServiceTime, seed: int) -> float:
    """Share of the requests that a fixed window answers before their deadline.

    All have the same budget, so whatever waits is a range of the arrivals, and one batch costs one step.

    Args:
        window: the policy.
        arrivals_s: times in order, in seconds.
        service: how long batches take.
        seed: of the noise.
    """
    clockwork = Clockwork(service, seed)
    free_s = [0.0] * service.workers
    answered = first = 0
    count, budget_s = len(arrivals_s), service.deadline_s
    while first < count:
        # The batch goes when a worker is free and the window has closed, whichever is later.
        full_s = arrivals_s[first + window.size - 1] if first + window.size <= count else _NEVER_S
        start_s = max(free_s[0], arrivals_s[first], min(full_s, arrivals_s[first] + window.timeout_s))
        overdue = bisect_right(arrivals_s, start_s - budget_s, first)
        if overdue > first:
            first = overdue
            continue
        end = min(bisect_right(arrivals_s, start_s, first), first + window.size)
        end_s = start_s + clockwork.seconds(end - first, start_s)
        answered += end - bisect_left(arrivals_s, end_s - budget_s, first, end)
        heapreplace(free_s, end_s)
        first = end
    return answered / count


def goodput(policy: OwnScheduler, arrivals_s: Sequence[float], service: ServiceTime, seed: int) -> float:
    """Share of the requests that the scheduler answers before their deadline.

    Args:
        policy: new; it is driven until no request is left.
        arrivals_s: times in order, in seconds.
        service: how long batches take.
        seed: of the noise.
    """
    clockwork = Clockwork(service, seed)
    running: list[tuple[float, int, Sequence[Job]]] = []
    answered = next_arrival = batch_id = 0
    while True:
        arrival_s = arrivals_s[next_arrival] if next_arrival < len(arrivals_s) else _NEVER_S
        end_s = running[0][0] if running else _NEVER_S
        now_s = min(arrival_s, end_s)
        if now_s == _NEVER_S:
            return answered / len(arrivals_s)
        if now_s == end_s:
            _, ended, batch = heappop(running)
            answered += sum(1 for job in batch if job.deadline_s >= now_s)
            policy.finished(ended, now_s)
        else:
            next_arrival += 1
            policy.arrive(Job(0, now_s, now_s + service.deadline_s, 1), now_s)
        while len(running) < service.workers:
            batch = policy.next_batch(now_s)
            if not batch:
                break
            batch_id += 1
            policy.started(batch_id, batch, now_s)
            heappush(running, (now_s + clockwork.seconds(len(batch), now_s), batch_id, batch))
