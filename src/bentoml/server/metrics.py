"""The server's metrics: counters owned by the front process, shown in the Prometheus text format.

All requests pass the front, so one process holds every number: nothing has to be merged, and totals do not change when
a worker is replaced. Requests to an API route show up in two groups of metrics, as dashboards know them: `_request_*`
with the route as a path (`/predict`) and `_mb_*` with its bare name (`predict`).
"""

from __future__ import annotations

import copy
import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, TypeVar

from bentoml.server.counters import BATCH_SIZE_BOUNDS, DURATION_BOUNDS_S, Histogram, RouteCounters
from bentoml.server.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from prometheus_client import Metric

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
# Stands for every path that leads nowhere. It has no slash, so no declared route can be mistaken for it.
UNKNOWN_ENDPOINT = "unknown"

KeyT = TypeVar("KeyT", bound=Hashable)
Readout = Callable[[], "float | Mapping[str, float]"]


@dataclass(frozen=True)
class _Reading:
    """A number, or one per value of a label, asked for when the metrics are read."""

    name: str
    documentation: str
    function: Readout
    label: str | None
    is_counter: bool


class ServerMetrics:
    """All numbers of one server.

    Not safe to change from several threads; reading from another thread gives numbers that were true a moment ago.

    Args:
        namespace: first part of each name; characters that a metric name cannot have become `_`.
        service_name: second part of each name.
        service_version: value of the label `service_version`.

    Attributes:
        ledger: of the requests to all APIs.
    """

    def __init__(self, namespace: str, service_name: str, service_version: str) -> None:
        self.prefix = metric_prefix(namespace, service_name)
        self.service_version = service_version
        # By service version, then (route, method) or template.
        self._routes: dict[tuple[str, str, str], RouteCounters] = {}
        self._others: dict[tuple[str, str], RouteCounters] = {}
        self._readings: dict[str, _Reading] = {}
        self.ledger = Ledger()
        self.counter("ledger", "Requests for an API, all and by outcome.", self.ledger.totals, label="outcome")
        self.counter("refused", "Refused requests.", lambda: self.ledger.refusals, label="reason")
        self.gauge("in_flight", "Requests for an API that have not ended.", lambda: self.ledger.in_flight)

    def of_version(self, service_version: str) -> ServerMetrics:
        """The same numbers, for counting what a bundle of some version answers."""
        versioned = copy.copy(self)
        versioned.service_version = service_version
        return versioned

    def route(self, route: str, method: str = "POST") -> RouteCounters:
        """The counters of an API route; ask once and keep them.

        Args:
            route: as declared, without a leading slash.
            method: HTTP method in upper case.
        """
        key = (self.service_version, route.removeprefix("/"), method)
        return self._routes.setdefault(key, RouteCounters(self.ledger))

    def other(self, template: str) -> RouteCounters:
        """The counters of an endpoint that is no API.

        Args:
            template: its path, or a pattern such as `/static_content/{file}`; never a path that a client made up.
        """
        return self._others.setdefault((self.service_version, template), RouteCounters())

    def unknown(self) -> RouteCounters:
        """The counters shared by all paths that lead nowhere."""
        return self.other(UNKNOWN_ENDPOINT)

    def gauge(self, name: str, documentation: str, function: Readout, *, label: str | None = None) -> None:
        """Show a number that goes up and down.

        Args:
            name: what follows the prefix, such as `queue_depth`.
            documentation: one sentence.
            function: gives the number when metrics are read; with `label`, one number per value of that label.
            label: name of the label.
        """
        self._readings[name] = _Reading(name, documentation, function, label, is_counter=False)

    def counter(self, name: str, documentation: str, function: Readout, *, label: str | None = None) -> None:
        """Show a number that only goes up; see `gauge`. `name` goes without `_total`, which is added."""
        self._readings[name] = _Reading(name.removesuffix("_total"), documentation, function, label, is_counter=True)

    def render(self) -> bytes:
        """All metrics in the Prometheus text format, encoded as UTF-8."""
        from prometheus_client import generate_latest
        from prometheus_client.registry import Collector

        families = [*self._request_families(), *self._batching_families(), *self._reading_families()]

        class Collected(Collector):
            def collect(self) -> list[Metric]:
                return families

        return generate_latest(Collected())

    def _grouped(self, key: Callable[[str, str, str], KeyT]) -> dict[KeyT, list[RouteCounters]]:
        """The counters of the API routes that have the same key of (version, route, method)."""
        grouped: dict[KeyT, list[RouteCounters]] = defaultdict(list)
        for names, counters in self._routes.items():
            grouped[key(*names)].append(counters)
        return grouped

    def _request_families(self) -> list[Metric]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

        labels = ["endpoint", "service_version", "http_response_code"]
        durations = HistogramMetricFamily(
            f"{self.prefix}_request_duration_seconds", "Time from a request's arrival to its answer.", labels=labels
        )
        totals = CounterMetricFamily(f"{self.prefix}_request", "Requests answered.", labels=labels)
        in_progress = GaugeMetricFamily(
            f"{self.prefix}_request_in_progress", "Requests not answered yet.", labels=labels[:2]
        )
        endpoints = self._grouped(lambda version, route, _: (f"/{route}", version))
        for (version, template), counters in self._others.items():
            endpoints.setdefault((template, version), []).append(counters)
        for where, group in endpoints.items():
            for status, histogram in _durations_of(group):
                durations.add_metric([*where, status], _cumulated(histogram, DURATION_BOUNDS_S), histogram.total)
                totals.add_metric([*where, status], sum(histogram.buckets))
            in_progress.add_metric(where, sum(counters.in_progress for counters in group))
        return [durations, totals, in_progress]

    def _batching_families(self) -> list[Metric]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

        prefix, labels = f"{self.prefix}_mb", ["endpoint", "http_response_code"]
        sizes = HistogramMetricFamily(f"{prefix}_batch_size", "Requests per call of the API.", labels=labels[:1])
        waits = HistogramMetricFamily(
            f"{prefix}_batch_wait_seconds", "How long the first request of a batch waited.", labels=labels[:1]
        )
        computes = HistogramMetricFamily(
            f"{prefix}_batch_compute_seconds", "What workers took for a batch.", labels=labels[:1]
        )
        durations = HistogramMetricFamily(
            f"{prefix}_request_duration_seconds", "Time from a request's arrival to its answer.", labels=labels
        )
        totals = CounterMetricFamily(f"{prefix}_request", "Requests answered.", labels=labels)
        in_progress = GaugeMetricFamily(
            f"{prefix}_request_in_progress", "Requests not answered yet.", labels=["endpoint", "http_method"]
        )
        exceptions = CounterMetricFamily(
            f"{prefix}_request_exception",
            "Requests that the server itself failed to handle.",
            labels=["endpoint", "exception_class"],
        )
        refusals = CounterMetricFamily(
            f"{prefix}_request_refused", "Requests that no worker answered in time.", labels=["endpoint", "reason"]
        )
        for route, group in self._grouped(lambda _, route, __: route).items():
            size = _summed([counters.batch_sizes for counters in group])
            sizes.add_metric([route], _cumulated(size, BATCH_SIZE_BOUNDS), size.total)
            wait = _summed([counters.batch_waits for counters in group])
            waits.add_metric([route], _cumulated(wait, DURATION_BOUNDS_S), wait.total)
            compute = _summed([counters.batch_computes for counters in group])
            computes.add_metric([route], _cumulated(compute, DURATION_BOUNDS_S), compute.total)
            for status, histogram in _durations_of(group):
                durations.add_metric([route, status], _cumulated(histogram, DURATION_BOUNDS_S), histogram.total)
                totals.add_metric([route, status], sum(histogram.buckets))
            for exception_class, count in _added(counters.exceptions for counters in group):
                exceptions.add_metric([route, exception_class], count)
            for reason, count in _added(counters.refusals for counters in group):
                refusals.add_metric([route, reason], count)
        for (route, method), group in self._grouped(lambda _, route, method: (route, method)).items():
            in_progress.add_metric([route, method], sum(counters.in_progress for counters in group))
        return [sizes, waits, computes, durations, totals, in_progress, exceptions, refusals]

    def _reading_families(self) -> list[Metric]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        families: list[Metric] = []
        for reading in self._readings.values():
            kind = CounterMetricFamily if reading.is_counter else GaugeMetricFamily
            labels = [] if reading.label is None else [reading.label]
            family = kind(f"{self.prefix}_{_as_name(reading.name)}", reading.documentation, labels=labels)
            value = reading.function()
            if isinstance(value, Mapping):
                for label_value, number in value.items():
                    family.add_metric([label_value], number)
            else:
                family.add_metric([], value)
            families.append(family)
        return families


def metric_prefix(namespace: str, service_name: str) -> str:
    """What all names begin with: `BENTOML_IrisClassifier`.

    Args:
        namespace: any text; left out when empty.
        service_name: name of the service.
    """
    joined = "_".join(_as_name(part) for part in (namespace.strip(), service_name) if part)
    return f"_{joined}" if joined[:1].isdigit() else joined


def _as_name(text: str) -> str:
    return re.sub(r"[^a-zA-Z0-9_]", "_", text)


def _durations_of(group: Sequence[RouteCounters]) -> list[tuple[str, Histogram]]:
    """(HTTP status, durations of all counters in the group), by status."""
    statuses = sorted({status for counters in group for status in counters.durations})
    return [
        (str(status), _summed([c.durations[status] for c in group if status in c.durations])) for status in statuses
    ]


def _added(counts: Iterable[Mapping[str, int]]) -> list[tuple[str, int]]:
    """(name, sum of its counts), by name."""
    added: dict[str, int] = defaultdict(int)
    for names in counts:
        for name, count in names.items():
            added[name] += count
    return sorted(added.items())


def _summed(histograms: Sequence[Histogram]) -> Histogram:
    total = Histogram(len(histograms[0].buckets) - 1)
    for histogram in histograms:
        total.add(histogram)
    return total


def _cumulated(histogram: Histogram, bounds: Sequence[float]) -> list[tuple[str, float]]:
    """(upper bound as text, observations up to it), as the text format has it."""
    names = [*(repr(float(bound)) for bound in bounds), "+Inf"]
    return list(zip(names, accumulate(histogram.buckets), strict=True))
