"""The values that the scheduler moves: requests, what is known about their API, and why one is not taken."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import NamedTuple

# How many calls of one coroutine API a worker runs side by side.
CONCURRENT_SINGLE_CALLS = 128
CONCURRENT_BATCH_CALLS = 4


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
        is_concurrent: the function is a coroutine or a generator, so a worker runs several calls at a time.
        max_streams: how many answers in pieces a worker gives side by side; 0 where answers are whole.
    """

    name: str
    is_batch: bool
    max_batch_size: int
    max_latency_s: float
    is_concurrent: bool = False
    max_streams: int = 0

    @property
    def places(self) -> int:
        """How many calls a worker runs at a time; plain functions of all APIs share the one place."""
        if not self.is_concurrent:
            return 1
        if self.max_streams:
            return self.max_streams
        return CONCURRENT_BATCH_CALLS if self.is_batch else CONCURRENT_SINGLE_CALLS

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


class Reason(Enum):
    """Why a job gets no answer from a worker.

    The first two are known when it comes: the bound of the queue is reached, or its deadline cannot be met. The others
    come later: its deadline passed while it waited or while it ran, or there is no worker for it, or it may have killed
    its own.
    """

    QUEUE_FULL = "queue_full"
    TOO_LATE = "too_late"
    OVERDUE = "overdue"
    TIMEOUT = "timeout"
    NO_WORKER = "no_worker"
    WORKER_DIED = "worker_died"


class Refusal(NamedTuple):
    """Why a job is not taken, and when it is worth another try.

    Attributes:
        reason: what stood against it.
        drain_s: predicted time until the work that waits is done; 0 where nothing is known.
    """

    reason: Reason
    drain_s: float
