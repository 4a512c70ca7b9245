"""Ways to form batches: the server's own scheduler, and those it is compared with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bentoml.server.scheduling.jobs import ApiPolicy, Job
from bentoml.server.scheduling.scheduler import Scheduler

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.simulation.service_times import ServiceTime


@dataclass(frozen=True)
class FixedWindow:
    """First come, first served: a batch goes when it is full, or when its first request has waited for the timeout.

    Requests whose deadline passes while they wait are dropped, as by any server with a time limit.

    Attributes:
        size: requests in a full batch.
        timeout_s: longest wait for company; 0 sends at once whatever waits.
    """

    size: int
    timeout_s: float


class OwnScheduler:
    """The scheduler of the server, as its dispatcher drives it; it starts cold.

    Attributes:
        refused: requests refused when they arrived.
        overdue: requests whose deadline passed while they waited.
    """

    def __init__(self, service: ServiceTime) -> None:
        policy = ApiPolicy("api", True, service.cap, service.deadline_s)
        self.scheduler = Scheduler[Job]([policy], max_waiting=1_000_000)
        self.scheduler.set_workers(service.workers)
        self.refused = 0
        self.overdue = 0

    def arrive(self, job: Job, now_s: float) -> None:
        """Take a request, or refuse it."""
        if self.scheduler.admit(job, now_s) is not None:
            self.refused += 1

    def next_batch(self, now_s: float) -> Sequence[Job]:
        """The batch for a worker that is free now; empty for none."""
        self.overdue += len(self.scheduler.take_overdue(now_s))
        return self.scheduler.next_batch(lambda _: True, now_s)

    def started(self, batch_id: int, batch: Sequence[Job], now_s: float) -> None:
        """A worker has it."""
        self.scheduler.started(batch_id, batch, now_s)

    def finished(self, batch_id: int, now_s: float) -> None:
        """It has ended."""
        self.scheduler.finished(batch_id, now_s)
