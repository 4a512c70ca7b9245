"""What the schedulers of the front know, as metrics."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bentoml.server.front.dispatch import Dispatcher
    from bentoml.server.metrics.server_metrics import ServerMetrics
    from bentoml.server.scheduling.cost_model import CostModel


def show_scheduling(
    metrics: ServerMetrics, dispatchers: Callable[[], Iterable[Dispatcher]], current: Callable[[], Dispatcher]
) -> None:
    """Register what is read when metrics are asked for.

    Args:
        metrics: of the server.
        dispatchers: gives all that have requests.
        current: gives the one that takes new requests; what batches cost is shown for this one.
    """

    def waiting() -> dict[str, float]:
        depths: Counter[str] = Counter()
        for dispatcher in dispatchers():
            for route, line in zip(dispatcher.routes, dispatcher.scheduler.lines, strict=True):
                depths[route.path.removeprefix("/")] += line.waiting
        return dict(depths)

    def limits() -> dict[str, float]:
        return {route.path.removeprefix("/"): route.policy.max_latency_s for route in current().routes}

    def learned(read: Callable[[CostModel], float]) -> Callable[[], dict[str, float]]:
        def readout() -> dict[str, float]:
            dispatcher = current()
            return {
                route.path.removeprefix("/"): read(line.model)
                for route, line in zip(dispatcher.routes, dispatcher.scheduler.lines, strict=True)
                if line.model.is_ready
            }

        return readout

    metrics.gauge("queue_depth", "Requests that wait for a worker.", waiting, label="endpoint")
    metrics.gauge("mb_max_latency_seconds", "Time limit of a request, from its arrival.", limits, label="endpoint")
    for name, documentation, read in (
        ("level_seconds", "Learned time of a batch, the part that every batch takes.", lambda model: model.level_s),
        ("slope_seconds", "Learned time of a batch, the part that each request adds.", lambda model: model.slope_s),
        ("spread_ratio", "How far batches are off the learned time, as a share of it.", lambda model: model.spread),
    ):
        metrics.gauge(f"mb_batch_cost_{name}", documentation, learned(read), label="endpoint")
