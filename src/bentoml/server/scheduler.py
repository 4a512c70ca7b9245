"""Which requests run next. Pure: no I/O, no clock of its own; every time is given by the caller.

The queue of a service has one owner, the front, and feeds all workers. Each API has its own line in order of
arrival; a batch holds requests of one API, up to its cap. Work-conserving: whenever a worker can take something and
something waits, a batch is formed at once, so batches grow by themselves while workers are busy and an idle server
adds no waiting. Among APIs, the one whose first request is due soonest goes first.

All times are seconds on one monotonic clock.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence


class State(IntEnum):
    """Where a job is. It leaves `RUNNING` or `WAITING` for `DONE` exactly once."""

    NEW = 0
    WAITING = 1
    RUNNING = 2
    DONE = 3


@dataclass(frozen=True)
class ApiPolicy:
    """How the requests of one API may be run.

    Attributes:
        name: the API.
        is_batch: whether requests may be merged into one call.
        max_batch_size: largest number of requests in one call; 1 or more.
        max_latency_s: from arrival to answer.
        is_concurrent: the function is a coroutine, so a worker runs several calls at a time.
    """

    name: str
    is_batch: bool
    max_batch_size: int
    max_latency_s: float
    is_concurrent: bool = False

    @property
    def batch_cap(self) -> int:
        """Largest number of requests in one call."""
        return self.max_batch_size if self.is_batch else 1


class Job:
    """One request, as the scheduler sees it.

    Attributes:
        api: index of its API.
        arrived_s: when the last byte of the request was there.
        deadline_s: when its caller no longer waits.
        size_bytes: of the body.
        state: see `State`.
        attempts: how often it was handed to a worker.
    """

    __slots__ = ("api", "arrived_s", "attempts", "deadline_s", "size_bytes", "state")

    def __init__(self, api: int, arrived_s: float, deadline_s: float, size_bytes: int) -> None:
        self.api = api
        self.arrived_s = arrived_s
        self.deadline_s = deadline_s
        self.size_bytes = size_bytes
        self.state = State.NEW
        self.attempts = 0


JobT = TypeVar("JobT", bound=Job)

_COMPACT_AFTER = 256


class Scheduler(Generic[JobT]):
    """The lines of all APIs.

    Args:
        policies: one per API; their order gives the index that jobs carry.
        max_waiting: bound of all lines together, in requests.
        max_waiting_bytes: the same in bytes of bodies.
        max_batch_bytes: a batch is closed when the next body would take it over this.
    """

    def __init__(
        self,
        policies: Sequence[ApiPolicy],
        *,
        max_waiting: int = 20_000,
        max_waiting_bytes: int = 1 << 30,
        max_batch_bytes: int = 64 << 20,
    ) -> None:
        self.policies = tuple(policies)
        self._lines: tuple[deque[JobT], ...] = tuple(deque() for _ in policies)
        self._max_waiting = max_waiting
        self._max_waiting_bytes = max_waiting_bytes
        self._max_batch_bytes = max_batch_bytes
        self.waiting = 0
        self.waiting_bytes = 0
        self._left_behind = 0

    def admit(self, job: JobT) -> bool:
        """Put a new job at the end of its line; False when the bound is reached and it was not taken."""
        if self.waiting >= self._max_waiting or self.waiting_bytes + job.size_bytes > self._max_waiting_bytes:
            return False
        self._lines[job.api].append(job)
        self._count_in(job)
        return True

    def put_back(self, jobs: Iterable[JobT]) -> None:
        """Put jobs whose worker died where they stood in their line; the bound does not apply."""
        returned = list(jobs)
        for job in returned:
            self._count_in(job)
            self._lines[job.api].append(job)
        for api in {job.api for job in returned}:
            # Also among jobs that other workers have left behind: deadlines must grow along a line.
            line = sorted(self._lines[api], key=lambda job: job.deadline_s)
            self._lines[api].clear()
            self._lines[api].extend(line)

    def cancel(self, job: JobT) -> None:
        """Forget a job whose caller left. One that is running goes on, and its answer is dropped."""
        if job.state is State.WAITING:
            self._count_out(job)
            self._left_behind += 1
        job.state = State.DONE
        if self._left_behind > _COMPACT_AFTER and self._left_behind > self.waiting:
            self._compact()

    def _compact(self) -> None:
        """Free what cancelled jobs hold, so that callers who come and go cannot grow the lines without bound."""
        for line in self._lines:
            kept = [job for job in line if job.state is State.WAITING]
            line.clear()
            line.extend(kept)
        self._left_behind = 0

    def next_batch(self, can_take: Callable[[int], bool]) -> list[JobT]:
        """Form the next batch among the APIs that a worker can take.

        Args:
            can_take: tells by API index whether a worker is free for it.

        Returns:
            Jobs of one API in order of arrival, now `RUNNING`; empty when nothing can be started.
        """
        chosen: deque[JobT] | None = None
        soonest_s = float("inf")
        for index, line in enumerate(self._lines):
            self._drop_done(line)
            if line and line[0].deadline_s < soonest_s and can_take(index):
                chosen, soonest_s = line, line[0].deadline_s
        return [] if chosen is None else self._take(chosen)

    def _take(self, line: deque[JobT]) -> list[JobT]:
        cap = self.policies[line[0].api].batch_cap
        batch: list[JobT] = []
        size_bytes = 0
        while line and len(batch) < cap:
            job = line[0]
            if job.state is not State.WAITING:
                line.popleft()
                continue
            if batch and size_bytes + job.size_bytes > self._max_batch_bytes:
                break
            line.popleft()
            self._count_out(job)
            job.state = State.RUNNING
            job.attempts += 1
            size_bytes += job.size_bytes
            batch.append(job)
        return batch

    def take_overdue(self, now_s: float) -> list[JobT]:
        """Remove and return the waiting jobs whose deadline has passed; they are `DONE`.

        Within a line deadlines grow, as every request of an API has the same budget, so only heads are looked at.
        """
        overdue: list[JobT] = []
        for line in self._lines:
            self._drop_done(line)
            while line and line[0].deadline_s <= now_s:
                job = line.popleft()
                self._count_out(job)
                job.state = State.DONE
                overdue.append(job)
                self._drop_done(line)
        return overdue

    def next_deadline_s(self) -> float | None:
        """The soonest deadline among the waiting jobs; None when none waits."""
        for line in self._lines:
            self._drop_done(line)
        return min((line[0].deadline_s for line in self._lines if line), default=None)

    def take_all(self) -> list[JobT]:
        """Remove and return every waiting job; they are `DONE`."""
        return self.take_overdue(float("inf"))

    @staticmethod
    def _drop_done(line: deque[JobT]) -> None:
        while line and line[0].state is not State.WAITING:
            line.popleft()

    def _count_in(self, job: JobT) -> None:
        job.state = State.WAITING
        self.waiting += 1
        self.waiting_bytes += job.size_bytes

    def _count_out(self, job: JobT) -> None:
        self.waiting -= 1
        self.waiting_bytes -= job.size_bytes
