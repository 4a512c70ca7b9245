"""Whether a new request can be answered in time: its completion is predicted in the batches that will really run."""

from __future__ import annotations

from bisect import bisect_left
from heapq import heapreplace
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bentoml.server.scheduling.jobs import Job
    from bentoml.server.scheduling.line import Line

# This share of the budget is kept for the way of an answer to its client.
RESERVE = 0.02
# A batch that its first deadline limits is planned only if it serves jobs at this share of the line's best rate.
LEAST_EFFICIENCY = 0.5


class Forecast(NamedTuple):
    """What admission found.

    Attributes:
        in_time: the job can be answered before its deadline.
        room: jobs that may wait in the line, each with a deadline no sooner than this one, before one has to be looked
            at again.
        opens_s: as long as nothing else changes, no job at the end of the line with a sooner deadline is taken.
    """

    in_time: bool
    room: int = 0
    opens_s: float = 0.0


def forecast(line: Line[Any], job: Job, now_s: float, others: Iterable[Line[Any]]) -> Forecast:
    """Look ahead for one new job; only when the line's model is ready.

    Args:
        line: where it would wait.
        job: not in the line yet.
        now_s: the time.
        others: the lines that share the line's slots.
    """
    jobs, slots = line.jobs, line.slots
    position = line.position(job)
    free_s = slots.free_times_s(now_s)
    delay_s = _share_of_others_s(line, position + 1, others) / len(free_s)
    # An answer that is ready has to be written, and to travel.
    delay_s += line.policy.max_latency_s * RESERVE
    free_s = [time_s + delay_s for time_s in free_s]
    planned = 0
    while True:
        start_s = free_s[0]
        first = jobs[planned] if planned < position else job
        size = line.fitting(first.deadline_s - start_s)
        if size < 1:
            # Those that cannot be met any more stand aside.
            if first is job:
                return Forecast(in_time=False, opens_s=_if_last(line, job, start_s + line.model.predict(1)))
            met_s = start_s + line.model.predict(1)
            planned = max(planned + 1, bisect_left(jobs, met_s, planned, position, key=_deadline_s))
        elif planned + size > position:
            break
        elif size < line.cap:
            heapreplace(free_s, start_s + line.model.predict(size))
            planned += size
        else:
            # Full batches follow each other without a look at each: every place takes its share in turn.
            batches = (position - planned) // size
            _run_full(free_s, batches, line.model.predict(size))
            planned += batches * size
    if first is job and size < line.cap and len(jobs) + 1 > size and _is_wasteful(line, size):
        return Forecast(in_time=False, opens_s=_if_last(line, job, start_s + _useful_s(line, size)))
    if position < len(jobs):
        return Forecast(in_time=True)
    return Forecast(in_time=True, room=planned + size + _further_room(line, job, size, free_s))


def drain_s(line: Line[Any], now_s: float, others: Iterable[Line[Any]]) -> float:
    """Predicted time until the work is done that runs or waits where this line's batches run; 0 where none is known."""
    free_s = line.slots.free_times_s(now_s)
    waiting_s = sum(_backlog_s(each) for each in (line, *others))
    return sum(free_s) / len(free_s) - now_s + waiting_s / len(free_s)


def _run_full(free_s: list[float], batches: int, seconds: float) -> None:
    rounds, rest = divmod(batches, len(free_s))
    for index, time_s in enumerate(free_s):
        free_s[index] = time_s + rounds * seconds
    for _ in range(rest):
        heapreplace(free_s, free_s[0] + seconds)


def _if_last(line: Line[Any], job: Job, opens_s: float) -> float:
    return opens_s if not line.jobs or job.deadline_s >= line.jobs[-1].deadline_s else 0.0


def _useful_s(line: Line[Any], size: int) -> float:
    """No longer than the smallest batch that is not wasteful, and nearly as long; one of `size` is wasteful."""
    larger = size
    while _is_wasteful(line, larger):
        size, larger = larger, larger + larger // 16 + 1
    return line.model.predict(size + 1)


def _is_wasteful(line: Line[Any], size: int) -> bool:
    return size / line.model.predict(size) < LEAST_EFFICIENCY * line.best_rate()


def _further_room(line: Line[Any], job: Job, size: int, free_s: list[float]) -> int:
    """Jobs that fit behind the batch of this one because there is time for more full ones."""
    if size < line.cap:
        return 0
    full_s = line.model.predict(size)
    rounds = int((job.deadline_s - free_s[0] - full_s) / full_s)
    return rounds * size * len(free_s)


def _share_of_others_s(line: Line[Any], ahead: int, others: Iterable[Line[Any]]) -> float:
    """Time that other lines are given before `ahead` jobs of this one have run, as `Scheduler.next_batch` shares it."""
    waiting = [(each.used_s, _backlog_s(each)) for each in others if each.jobs]
    if not waiting:
        return 0.0
    reached_s = line.next_used_s() + _cost_s(line, ahead)
    return sum(min(backlog_s, max(reached_s - used_s, 0.0)) for used_s, backlog_s in waiting)


def _backlog_s(line: Line[Any]) -> float:
    return _cost_s(line, line.waiting) if line.model.is_ready else 0.0


def _cost_s(line: Line[Any], jobs: int) -> float:
    """Time of the batches that take so many jobs, if no deadline cuts them."""
    full, rest = divmod(jobs, line.cap)
    return full * line.model.predict(line.cap) + (line.model.predict(rest) if rest else 0.0)


def _deadline_s(job: Job) -> float:
    return job.deadline_s
