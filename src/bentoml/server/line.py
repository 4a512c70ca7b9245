"""The requests of one API that wait: soonest deadline first, in order of arrival among equals."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort_right
from typing import TYPE_CHECKING, Generic, TypeVar

from bentoml.server.cost_model import CostModel
from bentoml.server.jobs import Job, State

if TYPE_CHECKING:
    from bentoml.server.jobs import ApiPolicy
    from bentoml.server.slots import Slots

JobT = TypeVar("JobT", bound=Job)

# Between APIs the sooner deadline goes first as long as their shares differ by no more than this.
QUANTUM_S = 0.1

# A batch is planned to end before its first deadline even if it takes this many spreads longer than predicted.
MARGIN_SPREADS = 1.0
# Jobs are passed over for a batch that serves this many times as many per second.
PASSING_GAIN = 1.25


def _order(job: Job) -> tuple[float, float]:
    return job.deadline_s, job.arrived_s


def _deadline_s(job: Job) -> float:
    return job.deadline_s


class Line(Generic[JobT]):
    """The line of one API.

    Args:
        index: of the API.
        policy: how its requests may be run.
        slots: where its batches run.

    Attributes:
        jobs: those that can be answered in time as far as is known, in order.
        late: those that cannot, in order; they run when nothing else waits.
        room: a job with the latest deadline is taken without a second look while fewer than this many jobs wait.
        used_s: time that batches of this API have taken from `slots`, see `Scheduler.next_batch`.
        waiting_bytes: bodies of all jobs.
    """

    __slots__ = ("cap", "index", "jobs", "late", "model", "policy", "room", "slots", "used_s", "waiting_bytes")

    def __init__(self, index: int, policy: ApiPolicy, slots: Slots) -> None:
        self.index = index
        self.policy = policy
        self.slots = slots
        self.cap = policy.batch_cap
        self.model = CostModel()
        self.jobs: list[JobT] = []
        self.late: list[JobT] = []
        self.room = 0
        self.used_s = 0.0
        self.waiting_bytes = 0

    @property
    def waiting(self) -> int:
        """Number of jobs."""
        return len(self.jobs) + len(self.late)

    @property
    def soonest_s(self) -> float:
        """The first deadline; only when a job waits."""
        if not self.late:
            return self.jobs[0].deadline_s
        soonest_s = self.late[0].deadline_s
        return min(soonest_s, self.jobs[0].deadline_s) if self.jobs else soonest_s

    def next_used_s(self) -> float:
        """`used_s` as it counts for the next batch: an API that had nothing to do saves up one quantum and no more."""
        if self.jobs or self.late:
            return self.used_s
        return max(self.used_s, self.slots.virtual_s - QUANTUM_S)

    def position(self, job: Job) -> int:
        """How many jobs run before this new one."""
        jobs = self.jobs
        if not jobs or job.deadline_s >= jobs[-1].deadline_s:
            return len(jobs)
        return bisect_right(jobs, _order(job), key=_order)

    def insert(self, job: JobT) -> None:
        """Put a job where its deadline says."""
        jobs = self.jobs
        if not jobs or _order(job) >= _order(jobs[-1]):
            jobs.append(job)
        else:
            insort_right(jobs, job, key=_order)

    def remove(self, job: JobT) -> None:
        """Take one job out, wherever it stands."""
        for jobs in (self.jobs, self.late):
            index = bisect_left(jobs, _order(job), key=_order)
            while index < len(jobs) and _order(jobs[index]) == _order(job):
                if jobs[index] is job:
                    del jobs[index]
                    self.waiting_bytes -= job.size_bytes
                    return
                index += 1

    def take_overdue(self, now_s: float) -> list[JobT]:
        """Take out the jobs whose deadline has passed."""
        overdue: list[JobT] = []
        for jobs in (self.late, self.jobs):
            if jobs and jobs[0].deadline_s <= now_s:
                count = bisect_right(jobs, now_s, key=_deadline_s)
                overdue += jobs[:count]
                del jobs[:count]
        self.waiting_bytes -= sum(job.size_bytes for job in overdue)
        return overdue

    # -- batches ------------------------------------------------------------------------------------------------

    def seconds_of(self, size: int) -> float:
        """Predicted time of a batch, a margin included; only when the model is ready."""
        return self.model.predict(size) * (1.0 + MARGIN_SPREADS * self.model.spread)

    def fitting(self, seconds: float) -> int:
        """The most requests of a batch that ends within `seconds`, a margin included; at most the cap."""
        return min(self.cap, self.model.largest_within(seconds / (1.0 + MARGIN_SPREADS * self.model.spread)))

    def best_rate(self) -> float:
        """Requests per second in batches that take half of the budget: the most that a steady load can have."""
        size = max(self.fitting(self.policy.max_latency_s / 2), 1)
        return size / self.seconds_of(size)

    def take_batch(self, now_s: float, max_bytes: int) -> list[JobT]:
        """Take out the jobs to run now, at least one; only when one waits.

        Everything that waits goes, up to the cap and as far as the first deadline can be met.
        """
        size = min(self.cap, len(self.jobs))
        if self.model.is_ready and (size == 0 or self.seconds_of(size) > self.jobs[0].deadline_s - now_s):
            size = self._cut(now_s, size)
        source = self.jobs or self.late
        batch = source[:size]
        if self.waiting_bytes > max_bytes:
            batch = _lightest_start(batch, max_bytes)
        del source[: len(batch)]
        size_bytes = 0
        for job in batch:
            job.state = State.RUNNING
            job.attempts += 1
            size_bytes += job.size_bytes
        self.waiting_bytes -= size_bytes
        return batch

    def _cut(self, now_s: float, size: int) -> int:
        """The size of a batch that its first deadline limits; what cannot be met, or costs too much, stands aside.

        A batch cut short for the sake of one job that is nearly late wastes the time of all behind it. So a few starts
        further down the line are tried, and those before are passed over where the batch after them serves jobs at a
        clearly better rate.
        """
        jobs = self.jobs
        start = bisect_left(jobs, now_s + self.model.predict(1), key=_deadline_s)
        if start == len(jobs):
            # None can be met: with nothing better to do, as many are tried as half of the budget holds.
            self._stand_aside(start)
            return min(len(self.late), max(self.fitting(self.policy.max_latency_s / 2), 1))
        best_start, best_rate, best_size, step = start, 0.0, 1, 1
        while start < len(jobs):
            fitting = max(self.fitting(jobs[start].deadline_s - now_s), 1)
            size = min(fitting, len(jobs) - start)
            rate = size / self.seconds_of(size)
            if rate > best_rate * PASSING_GAIN:
                best_start, best_rate, best_size = start, rate, size
            if fitting > size or fitting == self.cap:
                break
            start += step
            step *= 2
        self._stand_aside(best_start)
        return best_size

    def _stand_aside(self, count: int) -> None:
        if count:
            # Jobs put back after their worker died may have to go between others.
            self.late = sorted(self.late + self.jobs[:count], key=_order)
            del self.jobs[:count]


def _lightest_start(batch: list[JobT], max_bytes: int) -> list[JobT]:
    """The first jobs that together have at most `max_bytes`; the very first in any case."""
    size_bytes = 0
    for index, job in enumerate(batch):
        size_bytes += job.size_bytes
        if index and size_bytes > max_bytes:
            return batch[:index]
    return batch
