"""What is counted about the requests to one endpoint: plain numbers, changed in place.

They belong to one process and one thread, the front's event loop, so nothing is locked. An observation costs two method
calls and no allocation; label texts are made when somebody reads the numbers, not when they change.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from bentoml.server.scheduling.ledger import Ledger, Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

# Upper bounds of the duration buckets in seconds: the defaults of the Prometheus client libraries.
DURATION_BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
# Upper bounds of the batch-size buckets in requests: 1, 2, 4, ... 4096.
BATCH_SIZE_BOUNDS = tuple(1 << power for power in range(13))


class Histogram:
    """Numbers of observations per bucket, not cumulated; the last bucket has no upper bound."""

    __slots__ = ("buckets", "total")

    def __init__(self, bounds: int) -> None:
        self.buckets = [0] * (bounds + 1)
        self.total = 0.0

    def observe(self, bounds: Sequence[float], value: float) -> None:
        """Count one value."""
        self.buckets[bisect_left(bounds, value)] += 1
        self.total += value

    def add(self, other: Histogram) -> None:
        """Add the numbers of another histogram with the same bounds."""
        self.buckets = [mine + theirs for mine, theirs in zip(self.buckets, other.buckets, strict=True)]
        self.total += other.total


class RouteCounters:
    """Requests to one endpoint by one method.

    Args:
        ledger: where requests to an API are entered; all APIs share one. A new one when left out.

    Attributes:
        in_progress: requests that have started and not finished.
        durations: one histogram in seconds per HTTP status.
        batch_sizes: histogram in requests.
        batch_waits: histogram in seconds: how long the first request of each batch had waited.
        batch_computes: histogram in seconds: what workers took for each batch.
        exceptions: failures of the server itself while it handled a request, by class name.
        refusals: requests to an API that were not run, by reason.
        failures: requests to an API that were taken and came to nothing, by reason.
    """

    __slots__ = (
        "batch_computes",
        "batch_sizes",
        "batch_waits",
        "durations",
        "exceptions",
        "failures",
        "in_progress",
        "ledger",
        "refusals",
    )

    def __init__(self, ledger: Ledger | None = None) -> None:
        self.ledger = Ledger() if ledger is None else ledger
        self.in_progress = 0
        self.durations: dict[int, Histogram] = {}
        self.batch_sizes = Histogram(len(BATCH_SIZE_BOUNDS))
        self.batch_waits = Histogram(len(DURATION_BOUNDS_S))
        self.batch_computes = Histogram(len(DURATION_BOUNDS_S))
        self.exceptions: dict[str, int] = {}
        self.refusals: dict[str, int] = {}
        self.failures: dict[str, int] = {}

    def started(self) -> None:
        """A request has come in."""
        self.in_progress += 1

    def finished(self, status: int, duration_s: float) -> None:
        """A request that had started is answered, or given up.

        Args:
            status: HTTP status of the answer; 499 where the client left before it.
            duration_s: seconds since it came in.
        """
        self.in_progress -= 1
        histogram = self.durations.get(status)
        if histogram is None:
            histogram = self.durations[status] = Histogram(len(DURATION_BOUNDS_S))
        histogram.buckets[bisect_left(DURATION_BOUNDS_S, duration_s)] += 1
        histogram.total += duration_s

    def batch_formed(self, size: int) -> None:
        """A batch was handed to a worker.

        Args:
            size: requests in it, at least 1.
        """
        # For bounds 1, 2, 4, ... this is the first bound that is not below `size`.
        self.batch_sizes.buckets[min((size - 1).bit_length(), len(BATCH_SIZE_BOUNDS))] += 1
        self.batch_sizes.total += size

    def batch_waited(self, wait_s: float) -> None:
        """A batch was handed to a worker.

        Args:
            wait_s: since its first request came.
        """
        self.batch_waits.observe(DURATION_BOUNDS_S, wait_s)

    def batch_ended(self, compute_s: float) -> None:
        """A worker has answered a batch.

        Args:
            compute_s: what it took, decoding and encoding included.
        """
        self.batch_computes.observe(DURATION_BOUNDS_S, compute_s)

    def failed(self, exception_class: str) -> None:
        """The server itself failed while it handled a request, as when a worker died.

        Args:
            exception_class: name of the error's class; never text from a client.
        """
        self.exceptions[exception_class] = self.exceptions.get(exception_class, 0) + 1

    def unanswered(self, outcome: Outcome, reason: str) -> None:
        """A request to an API was refused or has failed.

        Args:
            outcome: which of the two.
            reason: why: one of few.
        """
        counts = self.refusals if outcome is Outcome.REFUSED else self.failures
        counts[reason] = counts.get(reason, 0) + 1
