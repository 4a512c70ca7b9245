"""The requests of one API that wait: soonest deadline first, in order of arrival among equals."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort_right
from typing import TYPE_CHECKING, Generic, TypeVar

from bentoml.server.scheduling.cost_model import CostModel
from bentoml.server.scheduling.jobs import Job, State

if TYPE_CHECKING:
    from bentoml.server.scheduling.jobs import ApiPolicy
    from bentoml.server.scheduling.slots import Slots

JobT = TypeVar("JobT", bound=Job)

# Between APIs the sooner deadline goes first as long as their shares differ by no more than this.
QUANTUM_S = 0.1

# A batch is safe when it ends before its first deadline even if it takes this many spreads longer than predicted.
SAFE_SPREADS = 2.0
# It is made smaller to be safe as long as it still serves this share of the jobs per second.
SAFE_RATE = 0.95
# Jobs are passed over for a batch that answers this many times as many per second.
PASSING_GAIN = 1.02
# The same where there are several workers: what one leaves need not wait for it.
PASSING_GAIN_SHARED = 1.25
# Sizes that are tried where no batch is safe: those that end at the first deadline if they take so many spreads longer.
_SPREADS = (1.0, 0.0, -1.0)
# Jobs of a batch that are looked at to tell how many will be answered in time.
_SAMPLES = 8


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
        way_share: what an answer needs to reach its client, as a share of the budget; a batch ends so much before a
            deadline.

    Attributes:
        jobs: those that can be answered in time as far as is known, in order.
        late: those that cannot, in order; they run when nothing else waits.
        opens_s: a job at the end with a deadline sooner than this is refused without a second look.
        room: a job with the latest deadline is taken without a second look while fewer than this many jobs wait.
        used_s: time that batches of this API have taken from `slots`, see `Scheduler.next_batch`.
        waiting_bytes: bodies of all jobs.
    """

    __slots__ = (
        "cap",
        "index",
        "jobs",
        "late",
        "model",
        "opens_s",
        "policy",
        "room",
        "slots",
        "used_s",
        "waiting_bytes",
        "way_share",
    )

    def __init__(self, index: int, policy: ApiPolicy, slots: Slots, way_share: float = 0.0) -> None:
        self.index = index
        self.policy = policy
        self.slots = slots
        self.way_share = way_share
        self.cap = policy.batch_cap
        self.model = CostModel()
        self.jobs: list[JobT] = []
        self.late: list[JobT] = []
        self.room = 0
        self.opens_s = 0.0
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

    def fitting(self, seconds: float) -> int:
        """The most requests of a batch that is predicted to end within `seconds`; at most the cap."""
        return min(self.cap, self.model.largest_within(seconds))

    def best_rate(self) -> float:
        """Requests per second in batches that take half of the budget: the most that a steady load can have."""
        size = max(self.fitting(self.policy.max_latency_s / 2), 1)
        return size / self.model.predict(size)

    def take_batch(self, now_s: float, max_bytes: int) -> list[JobT]:
        """Take out the jobs to run now, at least one; only when one waits.

        Everything that waits goes, up to the cap, as long as the first deadline is safe; else as many as are safe, when
        the others lose nothing or little by that; else those of whom the most can be answered in time.
        """
        size = self._batch_size(now_s)
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

    def _batch_size(self, now_s: float) -> int:
        """How many jobs to take; it may let some stand aside first."""
        model = self.model
        if not model.is_ready:
            return self.cap
        steady = max(self.fitting(self.policy.max_latency_s / 2), 1)
        if not self.jobs:
            # None can be met: with nothing better to do, as many are tried as half of the budget holds.
            return steady
        margin = 1.0 + SAFE_SPREADS * model.spread
        most = min(len(self.jobs), self.cap)
        way_s = self.policy.max_latency_s * self.way_share
        # As if everything began, and so ended, later by that.
        begin_s = now_s + way_s
        slack_s = self.jobs[0].deadline_s - begin_s
        seconds = model.predict(most)
        is_shared = most > steady and self.slots.total > 1
        if seconds * margin <= slack_s and not is_shared:
            return most
        # When another worker can have what this one leaves, or infinity.
        other_s = self.slots.free_times_s(now_s)[1] + way_s if self.slots.total > 1 else float("inf")
        if is_shared and self._is_safe(steady, other_s, margin):
            most, seconds = steady, model.predict(steady)
            if seconds * margin <= slack_s:
                return most
        safe = min(self.fitting(slack_s / margin), most)
        if safe:
            safe_s = model.predict(safe)
            if (
                self._is_safe(safe, min(begin_s + safe_s, other_s), margin)
                or safe / safe_s >= SAFE_RATE * most / seconds
            ):
                return safe
        start, size = self._most_answered(begin_s, most)
        self._stand_aside(start)
        return size

    def _is_safe(self, start: int, start_s: float, margin: float) -> bool:
        """Whether a batch of all jobs behind the first `start`, begun at `start_s`, would be in time for each."""
        left = min(len(self.jobs) - start, self.cap)
        return not left or start_s + self.model.predict(left) * margin <= self.jobs[start].deadline_s

    def _most_answered(self, begin_s: float, most: int) -> tuple[int, int]:
        """(start, size) of the batch that answers the most jobs in time per second, where none is safe.

        A batch cut short for the sake of one job that is nearly late wastes the time of all behind it. So a few starts
        further down the line are tried, each with a few sizes. Jobs are passed over only for a clear gain.
        """
        jobs, model = self.jobs, self.model
        gain = PASSING_GAIN if self.slots.total == 1 else PASSING_GAIN_SHARED
        best, best_value = (0, 1), 0.0
        for start in self._starts(begin_s, most):
            slack_s = jobs[start].deadline_s - begin_s
            left = min(most, len(jobs) - start)
            sizes = [self.fitting(slack_s / (1.0 + spreads * model.spread)) for spreads in _SPREADS if slack_s > 0]
            for size in dict.fromkeys(max(min(size, left), 1) for size in (*sizes, left)):
                value = self._answered(start, size, begin_s) / model.predict(size)
                if value > best_value * (gain if start > best[0] else 1.0):
                    best, best_value = (start, size), value
        return best

    def _starts(self, begin_s: float, most: int) -> list[int]:
        """Where a batch may begin: at the first, at the first that can be met, where all behind can be; and between."""
        jobs, model = self.jobs, self.model
        first = bisect_left(jobs, begin_s + model.predict(1), key=_deadline_s)
        low, high = first, len(jobs)
        while low < high:
            middle = (low + high) // 2
            if jobs[middle].deadline_s - begin_s >= model.predict(min(most, len(jobs) - middle)):
                high = middle
            else:
                low = middle + 1
        between = {first + (low - first) * part // 4 for part in range(1, 5)}
        return sorted(start for start in {0, first, *between} if start < len(jobs))

    def _answered(self, start: int, size: int, begin_s: float) -> float:
        """How many jobs of a batch are expected to be answered in time."""
        seconds = self.model.predict(size)
        end_s = begin_s + seconds
        # The chance to be in time grows evenly over the three spreads around the predicted end.
        width_s = 3.0 * seconds * self.model.spread + 1e-9
        samples = min(size, _SAMPLES)
        chances = 0.0
        for sample in range(samples):
            job = self.jobs[start + (2 * sample + 1) * size // (2 * samples)]
            chances += min(max((job.deadline_s - end_s) / width_s + 0.5, 0.0), 1.0)
        return chances * size / samples

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
