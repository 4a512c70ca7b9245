"""A dashboard for Grafana over the server's metrics, from a short description of its panels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bentoml.server.metrics.queries import Naming

if TYPE_CHECKING:
    from collections.abc import Iterator

_GRID_WIDTH = 24
_PANEL_HEIGHT = 8
_SOURCE = {"type": "prometheus", "uid": "${datasource}"}


@dataclass(frozen=True)
class Panel:
    """One picture.

    Attributes:
        title: what is shown.
        queries: (expression, legend); see `queries.py` for the expressions.
        unit: of Grafana's units.
        description: what to read from it.
        width: of the 24 columns.
        kind: of Grafana's panels.
        is_stacked: whether values are drawn on top of each other.
    """

    title: str
    queries: tuple[tuple[str, str], ...]
    unit: str = "short"
    description: str = ""
    width: int = 8
    kind: str = "timeseries"
    is_stacked: bool = False


# What the viewer has chosen, for metrics of APIs and for those of the whole server.
_API = 'instance=~"$instance",endpoint=~"$endpoint"'
_SERVER = 'instance=~"$instance"'
_OVER = "[$__rate_interval]"


def _quantiles(metric: str, *quantiles: float, name: str = "") -> tuple[tuple[str, str], ...]:
    """Quantiles of a histogram over all that is chosen."""
    buckets = f"sum by (le) (rate(@{metric}_bucket{{{_API}}}{_OVER}))"
    return tuple((f"histogram_quantile({each}, {buckets})", f"{name}p{each * 100:g}") for each in quantiles)


ROWS = {
    "Requests": (
        Panel(
            "Requests by status",
            ((f"sum by (http_response_code) (rate(@mb_request_total{{{_API}}}{_OVER}))", "{{http_response_code}}"),),
            "reqps",
            "Each request counts under its own status, also within a batch. 499: the client left before the answer.",
            is_stacked=True,
        ),
        Panel(
            "Latency",
            (
                *_quantiles("mb_request_duration_seconds", 0.5, 0.95, 0.99),
                (f"min(@mb_max_latency_seconds{{{_API}}})", "smallest limit"),
            ),
            "s",
            "From the arrival of a request to its answer, of whatever status.",
        ),
        Panel(
            "In progress",
            ((f"sum by (endpoint) (@mb_request_in_progress{{{_API}}})", "{{endpoint}}"),),
            description="Requests that have come and are not answered yet.",
        ),
        Panel(
            "Refused by reason",
            ((f"sum by (reason) (rate(@refused_total{{{_API}}}{_OVER}))", "{{reason}}"),),
            "reqps",
            "Requests that were not run. queue_full, too_late and overdue are load.",
            is_stacked=True,
        ),
        Panel(
            "Failed by reason",
            ((f"sum by (reason) (rate(@failed_total{{{_API}}}{_OVER}))", "{{reason}}"),),
            "reqps",
            "Requests that were taken and came to nothing. An error of the function is an answer, with status 500.",
            is_stacked=True,
        ),
        Panel(
            "Ledger",
            (
                (
                    (
                        f'sum(@ledger_total{{{_SERVER},outcome="accepted"}})'
                        f' - sum(@ledger_total{{{_SERVER},outcome!="accepted"}}) - sum(@in_flight{{{_SERVER}}})'
                    ),
                    "imbalance",
                ),
                (f"sum(@in_flight{{{_SERVER}}})", "in flight"),
            ),
            description="Every request has one end, so the imbalance is 0 at every moment.",
        ),
    ),
    "Batches": (
        Panel(
            "Queue depth",
            ((f"sum by (endpoint) (@queue_depth{{{_API}}})", "{{endpoint}}"),),
            description="Requests that wait for a worker.",
        ),
        Panel(
            "Queue wait",
            _quantiles("mb_batch_wait_seconds", 0.5, 0.95, 0.99),
            "s",
            "How long the first request of each batch had waited when a worker took it.",
        ),
        Panel(
            "Batch size",
            ((f"sum by (le) (increase(@mb_batch_size_bucket{{{_API}}}{_OVER}))", "{{le}}"),),
            description="Calls of the function by the number of requests in them.",
            kind="heatmap",
        ),
        Panel(
            "Compute time against the cost model",
            (
                (
                    (
                        f"sum by (endpoint) (rate(@mb_batch_compute_seconds_sum{{{_API}}}{_OVER}))"
                        f" / sum by (endpoint) (rate(@mb_batch_compute_seconds_count{{{_API}}}{_OVER}))"
                    ),
                    "{{endpoint}} measured",
                ),
                (
                    (
                        f"avg by (endpoint) (@mb_batch_cost_level_seconds{{{_API}}})"
                        f" + avg by (endpoint) (@mb_batch_cost_slope_seconds{{{_API}}})"
                        f" * sum by (endpoint) (rate(@mb_batch_size_sum{{{_API}}}{_OVER}))"
                        f" / sum by (endpoint) (rate(@mb_batch_size_count{{{_API}}}{_OVER}))"
                    ),
                    "{{endpoint}} expected",
                ),
            ),
            "s",
            "The mean time of a batch, and what was learned to expect for the mean size, with the way there and back.",
            width=12,
        ),
        Panel(
            "Error of the cost model",
            ((f"avg by (endpoint) (@mb_batch_cost_spread_ratio{{{_API}}})", "{{endpoint}}"),),
            "percentunit",
            "How far batches are off the expected time; with much of it, batches are smaller.",
            width=12,
        ),
    ),
    "Workers": (
        Panel(
            "Workers",
            ((f"sum by (instance) (@workers{{{_SERVER}}})", "{{instance}}"),),
            description="Workers that have loaded the bundle.",
            width=6,
        ),
        Panel(
            "Replaced workers by reason",
            ((f"sum by (reason) (increase(@worker_restarts_total{{{_SERVER}}}{_OVER}))", "{{reason}}"),),
            description="memory and recycled are replacements in order.",
            width=6,
            is_stacked=True,
        ),
        Panel(
            "Memory of workers",
            ((f"sum by (instance, pid) (@worker_resident_bytes{{{_SERVER}}})", "{{instance}} {{pid}}"),),
            "bytes",
            "Resident memory; with --preload, what workers share is counted for each.",
            width=6,
        ),
        Panel(
            "Dropped log lines",
            ((f"sum by (logger) (increase(@log_dropped_total{{{_SERVER}}}{_OVER}))", "{{logger}}"),),
            description="Lines that came faster than the log could be written.",
            width=6,
        ),
    ),
}


def dashboard(namespace: str, service_name: str | None) -> dict[str, Any]:
    """The dashboard as Grafana imports it.

    Args:
        namespace: first part of the names of all metrics.
        service_name: the service; when None, the viewer chooses one.
    """
    naming = Naming("${service}") if service_name is None else Naming.of_service(namespace, service_name)
    return {
        "title": "BentoML" if service_name is None else f"BentoML: {service_name}",
        "uid": None,
        "schemaVersion": 39,
        "tags": ["bentoml"],
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": list(_variables(namespace, service_name, naming))},
        "panels": list(_panels(naming)),
    }


def _variables(namespace: str, service_name: str | None, naming: Naming) -> Iterator[dict[str, Any]]:
    yield {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus", "current": {}}
    if service_name is None:
        # The part of a name that is found by the last expression is what the viewer chooses from.
        name = f"{Naming.of_all_services(namespace).prefix}_in_flight"
        yield _variable("service", "Service", f"metrics(^{name}$)", regex="/^(.+)_in_flight$/")
    yield _variable("instance", "Server", naming.fill("label_values(@workers, instance)"), is_multiple=True)
    yield _variable("endpoint", "API", naming.fill("label_values(@queue_depth, endpoint)"), is_multiple=True)


def _variable(name: str, label: str, query: str, *, regex: str = "", is_multiple: bool = False) -> dict[str, Any]:
    return {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": _SOURCE,
        "query": {"query": query, "refId": name},
        "regex": regex,
        # When the time range changes, so may what is there.
        "refresh": 2,
        "sort": 1,
        "multi": is_multiple,
        "includeAll": is_multiple,
        "allValue": ".*" if is_multiple else None,
        "current": {"selected": True, "text": "All", "value": "$__all"} if is_multiple else {},
    }


def _panels(naming: Naming) -> Iterator[dict[str, Any]]:
    number, top = 0, 0
    for title, panels in ROWS.items():
        number += 1
        yield {"id": number, "type": "row", "title": title, "collapsed": False, "panels": []} | _place(
            0, top, _GRID_WIDTH, 1
        )
        left, top = 0, top + 1
        for panel in panels:
            if left + panel.width > _GRID_WIDTH:
                left, top = 0, top + _PANEL_HEIGHT
            number += 1
            yield {"id": number, **_panel(panel, naming), **_place(left, top, panel.width, _PANEL_HEIGHT)}
            left += panel.width
        top += _PANEL_HEIGHT


def _place(left: int, top: int, width: int, height: int) -> dict[str, Any]:
    return {"gridPos": {"x": left, "y": top, "w": width, "h": height}}


def _panel(panel: Panel, naming: Naming) -> dict[str, Any]:
    described = {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": _SOURCE,
        "targets": [
            {
                "refId": chr(ord("A") + number),
                "datasource": _SOURCE,
                "expr": naming.fill(expression),
                "legendFormat": legend,
                **({"format": "heatmap"} if panel.kind == "heatmap" else {}),
            }
            for number, (expression, legend) in enumerate(panel.queries)
        ],
    }
    if panel.kind == "heatmap":
        options = {"calculate": False, "yAxis": {"unit": panel.unit}, "cellGap": 1, "color": {"scheme": "Blues"}}
        return {**described, "options": options}
    custom = {"fillOpacity": 10, "showPoints": "never"}
    if panel.is_stacked:
        custom |= {"fillOpacity": 40, "stacking": {"mode": "normal", "group": "A"}}
    return {
        **described,
        "fieldConfig": {"defaults": {"unit": panel.unit, "custom": custom}, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
    }
