"""The server's own metrics: counters owned by the front process.

All requests pass the front, so one process holds every number: nothing has to be merged, and totals do not change when
a worker is replaced. Requests to an API route show up in two groups of metrics, as dashboards know them: `_request_*`
with the route as a path (`/predict`) and `_mb_*` with its bare name (`predict`). What users count in their own code is
another matter, see `user_metrics.py`.
"""

from __future__ import annotations

import copy
import re
from collections import defaultdict
from collections.abc import Callable, Generator, Hashable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from bentoml.server.metrics.counters import BATCH_SIZE_BOUNDS, DURATION_BOUNDS_S, Histogram, RouteCounters
from bentoml.server.metrics.exposition import Family, written
from bentoml.server.metrics.scrape import Scrapes
from bentoml.server.metrics.slices import at_once
from bentoml.server.scheduling.ledger import FAILURES, REASONS, Ledger

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# Stands for every path that leads nowhere. It has no slash, so no declared route can be mistaken for it.
UNKNOWN_ENDPOINT = "unknown"

KeyT = TypeVar("KeyT", bound=Hashable)
Readout = Callable[[], "float | Mapping[str, float]"]
# Gives families when it is run to its end; see `slices.py`.
Collecting = Generator[None, None, list[Family]]


@dataclass(frozen=True)
class _Reading:
    """A number, or one per value of a label, asked for when the metrics are read."""

    name: str
    documentation: str
    function: Readout
    label: str | None
    kind: str


class ServerMetrics:
    """All numbers of one server.

    Not safe to use from several threads.

    Args:
        namespace: first part of each name; characters that a metric name cannot have become `_`.
        service_name: second part of each name.
        service_version: value of the label `service_version`.

    Attributes:
        ledger: of the requests to all APIs.
        scrapes: answers those who ask for metrics.
    """

    def __init__(self, namespace: str, service_name: str, service_version: str) -> None:
        self.prefix = metric_prefix(namespace, service_name)
        self.service_version = service_version
        # By service version, then (route, method) or template.
        self._routes: dict[tuple[str, str, str], RouteCounters] = {}
        self._others: dict[tuple[str, str], RouteCounters] = {}
        self._readings: dict[str, _Reading] = {}
        self.ledger = Ledger()
        self.scrapes = Scrapes(self.collecting)
        self.counter("ledger", "Requests for an API, all and by outcome.", self.ledger.totals, label="outcome")
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
        self._readings[name] = _Reading(name, documentation, function, label, "gauge")

    def counter(self, name: str, documentation: str, function: Readout, *, label: str | None = None) -> None:
        """Show a number that only goes up; see `gauge`. `name` goes without `_total`, which is added."""
        self._readings[name] = _Reading(name.removesuffix("_total"), documentation, function, label, "counter")

    def render(self) -> bytes:
        """The server's own metrics in the Prometheus text format, encoded as UTF-8."""
        return at_once(written(at_once(self.collecting())))

    def collecting(self) -> Collecting:
        """Read all numbers. Those of the ledger belong to one moment."""
        families = [*self._reading_families(), *self._ended_families()]
        yield
        families += yield from self._request_families()
        families += yield from self._batching_families()
        return families

    def _family(self, kind: str, name: str, documentation: str) -> Family:
        return Family(f"{self.prefix}_{_as_name(name)}", kind, documentation)

    def _grouped(self, key: Callable[[str, str, str], KeyT]) -> list[tuple[KeyT, list[RouteCounters]]]:
        """The counters of the API routes that have the same key of (version, route, method)."""
        grouped: dict[KeyT, list[RouteCounters]] = defaultdict(list)
        for names, counters in self._routes.items():
            grouped[key(*names)].append(counters)
        return list(grouped.items())

    def _request_families(self) -> Collecting:
        durations = self._family(
            "histogram", "request_duration_seconds", "Time from a request's arrival to its answer."
        )
        totals = self._family("counter", "request", "Requests answered.")
        in_progress = self._family("gauge", "request_in_progress", "Requests not answered yet.")
        endpoints = dict(self._grouped(lambda version, route, _: (f"/{route}", version)))
        for (version, template), counters in self._others.items():
            endpoints.setdefault((template, version), []).append(counters)
        for (endpoint, version), group in endpoints.items():
            where = (("endpoint", endpoint), ("service_version", version))
            for status, histogram in _durations_of(group):
                labels = (*where, ("http_response_code", status))
                durations.add_histogram(histogram, DURATION_BOUNDS_S, labels)
                totals.add(sum(histogram.buckets), labels)
            in_progress.add(sum(counters.in_progress for counters in group), where)
            yield
        return [durations, totals, in_progress]

    def _batching_families(self) -> Collecting:
        sizes = self._family("histogram", "mb_batch_size", "Requests per call of the API.")
        waits = self._family("histogram", "mb_batch_wait_seconds", "How long the first request of a batch waited.")
        computes = self._family("histogram", "mb_batch_compute_seconds", "What workers took for a batch.")
        durations = self._family(
            "histogram", "mb_request_duration_seconds", "Time from a request's arrival to its answer."
        )
        totals = self._family("counter", "mb_request", "Requests answered.")
        in_progress = self._family("gauge", "mb_request_in_progress", "Requests not answered yet.")
        exceptions = self._family(
            "counter", "mb_request_exception", "Times that the server itself failed to handle a request."
        )
        for route, group in self._grouped(lambda _, route, __: route):
            where = (("endpoint", route),)
            sizes.add_histogram(_summed([each.batch_sizes for each in group]), BATCH_SIZE_BOUNDS, where)
            waits.add_histogram(_summed([each.batch_waits for each in group]), DURATION_BOUNDS_S, where)
            computes.add_histogram(_summed([each.batch_computes for each in group]), DURATION_BOUNDS_S, where)
            for status, histogram in _durations_of(group):
                labels = (*where, ("http_response_code", status))
                durations.add_histogram(histogram, DURATION_BOUNDS_S, labels)
                totals.add(sum(histogram.buckets), labels)
            for exception_class, count in sorted(_added(each.exceptions for each in group).items()):
                exceptions.add(count, (*where, ("exception_class", exception_class)))
            yield
        for (route, method), group in self._grouped(lambda _, route, method: (route, method)):
            in_progress.add(
                sum(counters.in_progress for counters in group), (("endpoint", route), ("http_method", method))
            )
        return [sizes, waits, computes, durations, totals, in_progress, exceptions]

    def _ended_families(self) -> list[Family]:
        """The refused and the failed requests of the ledger, each with a 0 for what has not happened yet."""
        refused = self._family("counter", "refused", "Requests for an API that were not run, by reason.")
        failed = self._family(
            "counter", "failed", "Requests for an API that were taken and came to nothing, by reason."
        )
        for route, group in self._grouped(lambda _, route, __: route):
            for family, reasons, counts in (
                (refused, REASONS, _added(counters.refusals for counters in group)),
                (failed, FAILURES, _added(counters.failures for counters in group)),
            ):
                for reason, count in sorted({**dict.fromkeys(reasons, 0), **counts}.items()):
                    family.add(count, (("endpoint", route), ("reason", reason)))
        return [refused, failed]

    def _reading_families(self) -> list[Family]:
        families = []
        for reading in self._readings.values():
            family = self._family(reading.kind, reading.name, reading.documentation)
            value = reading.function()
            if isinstance(value, Mapping):
                for label_value, number in value.items():
                    family.add(number, ((reading.label or "", label_value),))
            else:
                family.add(value)
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


def _added(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """The sums of counts by name."""
    added: dict[str, int] = defaultdict(int)
    for names in counts:
        for name, count in names.items():
            added[name] += count
    return added


def _summed(histograms: Sequence[Histogram]) -> Histogram:
    if len(histograms) == 1:
        return histograms[0]
    total = Histogram(len(histograms[0].buckets) - 1)
    for histogram in histograms:
        total.add(histogram)
    return total
