"""The clock of the simulation."""

from __future__ import annotations

from heapq import heappop, heappush
from random import Random
from typing import TYPE_CHECKING

from bentoml.server.jobs import Job

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.simulation.policies import Policy
    from benchmarks.simulation.service_times import ServiceTime

_NEVER_S = float("inf")


def goodput(policy: Policy, arrivals_s: Sequence[float], service: ServiceTime, seed: int) -> float:
    """Share of the requests that are answered before their deadline.

    Args:
        policy: new; it is driven until no request is left.
        arrivals_s: times in order, in seconds.
        service: how long batches take.
        seed: of the noise.
    """
    random = Random(seed)
    running: list[tuple[float, int, Sequence[Job]]] = []
    answered = next_arrival = batch_id = 0
    while True:
        arrival_s = arrivals_s[next_arrival] if next_arrival < len(arrivals_s) else _NEVER_S
        end_s = running[0][0] if running else _NEVER_S
        wake_s = policy.wake_s() if len(running) < service.workers else _NEVER_S
        now_s = min(arrival_s, end_s, wake_s)
        if now_s == _NEVER_S:
            return answered / len(arrivals_s)
        if now_s == end_s:
            _, ended, batch = heappop(running)
            answered += sum(1 for job in batch if job.deadline_s >= now_s)
            policy.finished(ended, now_s)
        elif now_s == arrival_s:
            next_arrival += 1
            policy.arrive(Job(0, now_s, now_s + service.deadline_s, 1), now_s)
        while len(running) < service.workers:
            batch = policy.next_batch(now_s)
            if not batch:
                break
            batch_id += 1
            policy.started(batch_id, batch, now_s)
            heappush(running, (now_s + service.draw_s(len(batch), random), batch_id, batch))
