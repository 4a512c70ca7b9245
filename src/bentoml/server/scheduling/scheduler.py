"""Which requests run next, and which are not taken. Pure: no I/O, no clock of its own, every time is an argument.

The queue of a service has one owner, the front, and feeds all workers. Each API has its own line, soonest deadline
first; a batch holds requests of one API. Work-conserving: whenever a worker can take something and something waits, a
batch is formed at once, so batches grow by themselves while workers are busy and an idle server adds no waiting.

Once some batches were measured, their time is predicted (`cost_model.py`): a batch is cut so that its first deadline
can be met (`line.py`), and a request that cannot be answered in time is refused when it comes (`admission.py`).

Between APIs that share the workers' threads each has a right to the same time, see `Scheduler.next_batch`.

All times are seconds on one monotonic clock.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Generic, TypeVar

from bentoml.server.scheduling.admission import drain_s, forecast
from bentoml.server.scheduling.jobs import ApiPolicy, Job, Reason, Refusal, State
from bentoml.server.scheduling.line import QUANTUM_S, Line
from bentoml.server.scheduling.slots import Run, Slots

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

__all__ = ["ApiPolicy", "Job", "Reason", "Refusal", "Scheduler", "State"]

JobT = TypeVar("JobT", bound=Job)


class Scheduler(Generic[JobT]):
    """The lines of all APIs.

    Args:
        policies: one per API; their order gives the index that jobs carry.
        max_waiting: bound of all lines together, in requests.
        max_waiting_bytes: the same in bytes of bodies.
        max_batch_bytes: a batch is closed when the next body would take it over this.
        way_share: what an answer needs to reach its client, as a share of the budget of its API.

    Attributes:
        waiting: requests in all lines.
        waiting_bytes: their bodies.
    """

    def __init__(
        self,
        policies: Sequence[ApiPolicy],
        *,
        max_waiting: int = 20_000,
        max_waiting_bytes: int = 1 << 30,
        max_batch_bytes: int = 64 << 20,
        way_share: float = 0.0,
    ) -> None:
        self._max_waiting = max_waiting
        self._max_waiting_bytes = max_waiting_bytes
        self._max_batch_bytes = max_batch_bytes
        self.waiting = 0
        self.waiting_bytes = 0
        self._runs: dict[int, Slots] = {}
        self._workers = 0
        self._threads = Slots(1)
        self.lines: tuple[Line[JobT], ...] = tuple(
            Line(index, policy, self._slots_of(policy), way_share) for index, policy in enumerate(policies)
        )

    @property
    def policies(self) -> tuple[ApiPolicy, ...]:
        """One per API."""
        return tuple(line.policy for line in self.lines)

    def set_workers(self, workers: int) -> None:
        """Tell how many workers take batches.

        Args:
            workers: 0 or more.
        """
        self._workers = workers
        for line in self.lines:
            line.slots.total = workers * line.slots.per_worker
        self._look_again()

    def set_policies(self, policies: Sequence[ApiPolicy]) -> None:
        """Take over what a worker has said about the APIs; what waits and what was learned stays."""
        for line, policy in zip(self.lines, policies, strict=True):
            if (policy.is_concurrent, policy.places) != (line.policy.is_concurrent, line.policy.places):
                line.slots = self._slots_of(policy)
            line.policy, line.cap = policy, policy.batch_cap
        self.set_workers(self._workers)

    # -- requests -----------------------------------------------------------------------------------------------

    def admit(self, job: JobT, now_s: float) -> Refusal | None:
        """Put a new job into its line.

        Returns:
            None, or why it was not taken.
        """
        line = self.lines[job.api]
        jobs = line.jobs
        size_bytes = job.size_bytes
        if self.waiting >= self._max_waiting or self.waiting_bytes + size_bytes > self._max_waiting_bytes:
            return Refusal(Reason.QUEUE_FULL, self.drain_s(job.api, now_s))
        if jobs and len(jobs) < line.room and job.deadline_s >= jobs[-1].deadline_s:
            jobs.append(job)
        else:
            if not self._is_in_time(line, job, now_s):
                return Refusal(Reason.TOO_LATE, self.drain_s(job.api, now_s))
            line.used_s = line.next_used_s()
            line.insert(job)
        job.state = State.WAITING
        line.waiting_bytes += size_bytes
        self.waiting += 1
        self.waiting_bytes += size_bytes
        return None

    def put_back(self, jobs: Iterable[JobT]) -> None:
        """Put jobs whose worker died where they stood in their line; the bounds do not apply."""
        for job in jobs:
            line = self.lines[job.api]
            line.insert(job)
            line.room, line.opens_s = 0, 0.0
            line.waiting_bytes += job.size_bytes
            job.state = State.WAITING
            self.waiting += 1
            self.waiting_bytes += job.size_bytes

    def cancel(self, job: JobT) -> None:
        """Forget a job whose caller left. One that is running goes on, and its answer is dropped."""
        if job.state is State.WAITING:
            line = self.lines[job.api]
            line.remove(job)
            line.opens_s = 0.0
            self._count_out([job])
        job.state = State.DONE

    def take_overdue(self, now_s: float) -> list[JobT]:
        """Remove and return the waiting jobs whose deadline has passed; they are `DONE`."""
        overdue = [job for line in self.lines if line.waiting for job in line.take_overdue(now_s)]
        for job in overdue:
            job.state = State.DONE
            self.lines[job.api].opens_s = 0.0
        self._count_out(overdue)
        return overdue

    def take_all(self) -> list[JobT]:
        """Remove and return every waiting job; they are `DONE`."""
        return self.take_overdue(float("inf"))

    def next_deadline_s(self) -> float | None:
        """The soonest deadline among the waiting jobs; None when none waits."""
        return min((line.soonest_s for line in self.lines if line.waiting), default=None)

    def drain_s(self, api: int, now_s: float) -> float:
        """Predicted time until what waits for this API's places is done; 0 where nothing was measured."""
        line = self.lines[api]
        return drain_s(line, now_s, self._others(line))

    def level_s(self, api: int) -> float:
        """What a call takes however few requests it has; 0 where that is not known, or requests are not merged."""
        line = self.lines[api]
        return line.model.level_s if line.model.is_ready and line.cap > 1 else 0.0

    # -- batches ------------------------------------------------------------------------------------------------

    def next_batch(self, can_take: Callable[[int], bool], now_s: float) -> list[JobT]:
        """Form the next batch among the APIs that a worker can take.

        Between APIs: what a batch takes of the workers' time is counted for its API. An API that was given more than
        another one that waits, by more than a quantum, stands behind it; among the rest the soonest deadline goes
        first. An API that had nothing to do gets one quantum for it, not all that it has left unused. Jobs that cannot
        be met any more run when nothing else waits.

        Args:
            can_take: tells by API index whether a worker is free for it.
            now_s: the time.

        Returns:
            Jobs of one API, soonest deadline first, now `RUNNING`; empty when nothing can be started.
        """
        ready = [line for line in self.lines if (line.jobs or line.late) and can_take(line.index)]
        if not ready:
            return []
        line = ready[0] if len(ready) == 1 else _next_line(ready)
        batch = line.take_batch(now_s, self._max_batch_bytes)
        self._count_out(batch)
        return batch

    def started(self, batch_id: int, batch: Sequence[JobT], now_s: float) -> None:
        """A batch was handed to a worker."""
        line = self.lines[batch[0].api]
        size = len(batch)
        predicted_s = line.model.predict(size) if line.model.is_ready else 0.0
        line.slots.running[batch_id] = Run(line, size, now_s, predicted_s)
        self._runs[batch_id] = line.slots
        if not line.policy.is_concurrent:
            line.slots.virtual_s = max(line.slots.virtual_s, line.used_s)
            line.used_s += predicted_s
        self._look_again()

    def finished(self, batch_id: int, now_s: float) -> None:
        """The answers of a batch are here."""
        run = self._runs.pop(batch_id).running.pop(batch_id)
        seconds = now_s - run.started_s
        run.line.model.observe(run.size, seconds)
        if not run.line.policy.is_concurrent:
            run.line.used_s += seconds - run.predicted_s
        self._look_again()

    def abandoned(self, batch_id: int) -> None:
        """A batch runs no longer, and nothing is to be learned from it: its worker died, or it was cancelled."""
        self._runs.pop(batch_id).running.pop(batch_id)
        self._look_again()

    # -- inside -------------------------------------------------------------------------------------------------

    def _slots_of(self, policy: ApiPolicy) -> Slots:
        if not policy.is_concurrent:
            return self._threads
        return Slots(policy.places)

    def _is_in_time(self, line: Line[JobT], job: JobT, now_s: float) -> bool:
        if not line.model.is_ready:
            line.room = sys.maxsize
            return True
        if line.slots.free > 0 and (not self.waiting or not any(each.waiting for each in self._sharing(line))):
            # It runs at once, whatever comes of it.
            line.room = 0
            return True
        if line.jobs and line.jobs[-1].deadline_s <= job.deadline_s < line.opens_s:
            return False
        found = forecast(line, job, now_s, self._others(line))
        line.room, line.opens_s = found.room, found.opens_s
        return found.in_time

    def _sharing(self, line: Line[JobT]) -> list[Line[JobT]]:
        return [each for each in self.lines if each.slots is line.slots]

    def _others(self, line: Line[JobT]) -> list[Line[JobT]]:
        return [each for each in self.lines if each.slots is line.slots and each is not line]

    def _look_again(self) -> None:
        """What was found for the next arrivals holds no longer."""
        for line in self.lines:
            line.room, line.opens_s = 0, 0.0

    def _count_out(self, jobs: Sequence[JobT]) -> None:
        self.waiting -= len(jobs)
        self.waiting_bytes -= sum(job.size_bytes for job in jobs)


def _next_line(ready: list[Line[JobT]]) -> Line[JobT]:
    hopeful = [line for line in ready if line.jobs] or ready
    least_s = min(line.used_s for line in hopeful)
    return min((line for line in hopeful if line.used_s <= least_s + QUANTUM_S), key=lambda line: line.soonest_s)
