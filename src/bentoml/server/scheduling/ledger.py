"""The books of the front: every request for an API is accepted once and ends once.

`accepted = answered + refused + failed + cancelled + in flight`, at every moment. A request is accepted when its head
has been received, in either lane, also when it is refused before its body is there. It ends in one of

- answered: the answer of a worker was written, whatever its status (or that to `OPTIONS`, which needs no worker);
- refused: it was never run: over a limit, not allowed, no place in the queue, no worker;
- failed: it was admitted, but time ran out, its worker died, or the worker's answer could not be used;
- cancelled: the connection was over before the answer.

The only ways to change these numbers are to create a `Call` and to settle it, and a call takes one outcome only. Plain
numbers, changed in place by the front's event loop.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bentoml.server.logs.access_log import AccessLog

# Why requests are refused; others may be added where requests are refused.
REASONS = (
    "arriving",  # 429: bodies that are not complete take all the room for them
    "malformed",  # 400, 431: the bytes after its head are no body
    "method",  # 405
    "no_worker",  # 503
    "overdue",  # 429: it waited until its time was up, and did not run
    "queue_full",  # 429
    "slow_body",  # 408: its body came too slowly
    "too_large",  # 413
    "too_late",  # 429: it could not have been answered in time
    "unauthorized",  # 401
)
# Why requests that were taken come to nothing.
FAILURES = (
    "broken_stream",  # the function raised when its answer had begun
    "cut_stream",  # its answer had begun when its worker died, or the server was stopped
    "error",  # 500: the server could not write the answer
    "timeout",  # 408: its time was up, or one side of a stream was silent for too long
    "worker_died",  # 503
)
# Of streams that have begun, by the status that stands for what went wrong.
STREAM_FAILURES = {408: "timeout", 500: "broken_stream", 503: "cut_stream"}
# Of those that are refused before their body is there, by status.
EARLY_REASONS = {401: "unauthorized", 408: "slow_body", 413: "too_large", 429: "arriving"}


class Outcome(IntEnum):
    """How a request ended. `OPEN`, which is false, is none yet."""

    OPEN = 0
    ANSWERED = 1
    REFUSED = 2
    FAILED = 3
    CANCELLED = 4


class Ledger:
    """Numbers of requests since the start.

    Attributes:
        accepted: all of them.
        outcomes: those that ended, by `Outcome`.
        refusals: the refused ones by reason.
        failures: the failed ones by reason.
        access_log: gets a line for each that has ended; None for no such log.
    """

    __slots__ = ("accepted", "access_log", "failures", "outcomes", "refusals")

    def __init__(self) -> None:
        self.accepted = 0
        self.outcomes = [0] * len(Outcome)
        self.refusals = dict.fromkeys(REASONS, 0)
        self.failures = dict.fromkeys(FAILURES, 0)
        self.access_log: AccessLog | None = None

    @property
    def in_flight(self) -> int:
        """Requests that have not ended."""
        return self.accepted - sum(self.outcomes)

    def totals(self) -> dict[str, int]:
        """What was accepted and how it ended, by name."""
        ends = {outcome.name.lower(): self.outcomes[outcome] for outcome in Outcome if outcome}
        return {"accepted": self.accepted, **ends}

    def close(self, outcome: Outcome, reason: str = "") -> None:
        """Count the end of a request that was accepted.

        Args:
            outcome: how it ended, never `OPEN`.
            reason: why it was refused or failed; ignored for other outcomes.
        """
        self.outcomes[outcome] += 1
        if outcome is Outcome.REFUSED:
            self.refusals[reason] = self.refusals.get(reason, 0) + 1
        elif outcome is Outcome.FAILED:
            self.failures[reason] = self.failures.get(reason, 0) + 1
