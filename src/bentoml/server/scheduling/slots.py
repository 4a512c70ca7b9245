"""Where batches run, and when a place for the next one is expected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from bentoml.server.scheduling.line import Line


class Run(NamedTuple):
    """A batch that a worker has.

    Attributes:
        line: of its API.
        size: requests in it.
        started_s: when it was handed over.
        predicted_s: how long it was expected to take; 0 where nothing was known.
    """

    line: Line[Any]
    size: int
    started_s: float
    predicted_s: float


class Slots:
    """Places of one kind: the threads of all workers for plain functions, or those for the calls of one coroutine.

    Args:
        per_worker: places that each worker has.

    Attributes:
        total: places of all workers.
        running: the batches that take one, by batch id.
        virtual_s: how much time the line served last had been given before.
    """

    __slots__ = ("per_worker", "running", "total", "virtual_s")

    def __init__(self, per_worker: int) -> None:
        self.per_worker = per_worker
        self.total = 0
        self.running: dict[int, Run] = {}
        self.virtual_s = 0.0

    @property
    def free(self) -> int:
        """Places that are free; a batch would start there at once."""
        return self.total - len(self.running)

    def free_times_s(self, now_s: float) -> list[float]:
        """When each place is expected to be free, soonest first; at least one time."""
        idle = [now_s] * max(self.total - len(self.running), 0)
        ends = sorted(max(run.started_s + run.predicted_s, now_s) for run in self.running.values())
        return (idle + ends) or [now_s]
