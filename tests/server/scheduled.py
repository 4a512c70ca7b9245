"""The scheduler driven through a list of requests with a clock of the test and workers that take exact times."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush

from bentoml.server.scheduling.scheduler import ApiPolicy, Job, Scheduler, State

_NEVER_S = float("inf")


@dataclass
class Outcome:
    """What became of each request, by its position in the list.

    Attributes:
        refused: those that were not taken.
        overdue: those whose deadline passed while they waited.
        ends_s: when the others were answered.
        batches: in the order in which they began: (start in seconds, API, positions of the requests).
    """

    jobs: list[Job]
    refused: list[int] = field(default_factory=list)
    overdue: list[int] = field(default_factory=list)
    ends_s: dict[int, float] = field(default_factory=dict)
    batches: list[tuple[float, int, list[int]]] = field(default_factory=list)

    def in_time(self, margin_s: float = 0.0) -> set[int]:
        return {
            position for position, end_s in self.ends_s.items() if end_s <= self.jobs[position].deadline_s - margin_s
        }


def warm(scheduler: Scheduler[Job], seconds_of: Callable[[int, int], float], sizes: Sequence[int]) -> None:
    """Let the scheduler see batches of these sizes of every API."""
    for line in scheduler.lines:
        for size in sizes:
            line.model.observe(size, seconds_of(line.index, size))


def run(
    policies: Sequence[ApiPolicy],
    jobs: Sequence[Job],
    seconds_of: Callable[[int, int], float],
    *,
    workers: int = 1,
    forced: int | None = None,
    warm_sizes: Sequence[int] = (),
) -> Outcome:
    """Run requests to their end.

    Args:
        policies: one per API.
        jobs: in order of arrival.
        seconds_of: (API, size) to the seconds that a batch takes.
        workers: batches that run at a time.
        forced: position of one that is taken whatever the scheduler says.
        warm_sizes: see `warm`.
    """
    scheduler = Scheduler[Job](policies)
    scheduler.set_workers(workers)
    warm(scheduler, seconds_of, warm_sizes)
    outcome = Outcome(list(jobs))
    positions = {id(job): position for position, job in enumerate(jobs)}
    running: list[tuple[float, int, list[Job]]] = []
    arriving, batch_id = 0, 0
    while True:
        arrival_s = jobs[arriving].arrived_s if arriving < len(jobs) else _NEVER_S
        now_s = min(arrival_s, running[0][0] if running else _NEVER_S)
        if now_s == _NEVER_S:
            return outcome
        if running and running[0][0] == now_s:
            _, ended, batch = heappop(running)
            scheduler.finished(ended, now_s)
            for job in batch:
                job.state = State.DONE
                outcome.ends_s[positions[id(job)]] = now_s
        else:
            job = jobs[arriving]
            if arriving == forced:
                scheduler.put_back([job])
            elif scheduler.admit(job, now_s) is not None:
                outcome.refused.append(arriving)
            arriving += 1
        outcome.overdue += [positions[id(job)] for job in scheduler.take_overdue(now_s)]
        while len(running) < workers and (batch := scheduler.next_batch(lambda _: True, now_s)):
            batch_id += 1
            scheduler.started(batch_id, batch, now_s)
            outcome.batches.append((now_s, batch[0].api, [positions[id(job)] for job in batch]))
            heappush(running, (now_s + seconds_of(batch[0].api, len(batch)), batch_id, batch))
