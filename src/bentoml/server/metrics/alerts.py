"""Alert rules for Prometheus over the server's metrics: what an operator should be woken up for, or look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bentoml.server.metrics.queries import Naming


@dataclass(frozen=True)
class Alert:
    """One rule.

    Attributes:
        name: what Prometheus calls it.
        expression: holds as long as something is wrong; see `queries.py`.
        hold: how long that has to be before it is said.
        severity: `critical` for what has to be looked at now, else `warning`.
        summary: what is wrong, in one sentence.
        runbook: what to do about it.
    """

    name: str
    expression: str
    hold: str
    severity: str
    summary: str
    runbook: str


_EACH = "by (job, instance, endpoint)"

ALERTS = (
    Alert(
        "BentoMLNotScraped",
        "absent(@workers)",
        "5m",
        "critical",
        "Prometheus sees no server.",
        "Look whether the server runs, whether bento_server.metrics.enabled is on, and whether the scrape job reaches "
        "its port.",
    ),
    Alert(
        "BentoMLNoWorkers",
        "sum by (job, instance) (@workers) == 0",
        "1m",
        "critical",
        "{{ $labels.instance }} has no worker that can answer.",
        "The server's log says how the workers ended; mostly it is memory, or a bundle that cannot be loaded any more.",
    ),
    Alert(
        "BentoMLErrors",
        f'sum {_EACH} (rate(@mb_request_total{{http_response_code=~"5..|408"}}[5m]))'
        f" / sum {_EACH} (rate(@mb_request_total[5m])) > 0.05",
        "5m",
        "critical",
        "{{ $value | humanizePercentage }} of the requests for {{ $labels.endpoint }} on {{ $labels.instance }} fail.",
        "500 is an error of the function, with its traceback in the log; 503 and 408 are counted by reason in the "
        "metrics that end in _refused_total and _failed_total.",
    ),
    Alert(
        "BentoMLNearLatencyLimit",
        f"histogram_quantile(0.99, sum by (job, instance, endpoint, le) "
        f'(rate(@mb_request_duration_seconds_bucket{{http_response_code="200"}}[5m])))'
        f" > 0.9 * max {_EACH} (@mb_max_latency_seconds)",
        "10m",
        "warning",
        "{{ $labels.endpoint }} on {{ $labels.instance }} answers 1% of its requests just within their time limit.",
        "Compare the queue's wait with the compute time: the first asks for more workers or servers, the second for a "
        "faster model or a larger mb_max_latency.",
    ),
    Alert(
        "BentoMLRefusals",
        f'sum {_EACH} (rate(@refused_total{{reason=~"queue_full|too_late|overdue"}}[5m]))'
        f" / sum {_EACH} (rate(@mb_request_total[5m])) > 0.05",
        "5m",
        "warning",
        "{{ $value | humanizePercentage }} of the requests for {{ $labels.endpoint }} on {{ $labels.instance }} are "
        "refused because of load.",
        "More comes than the workers can answer in time: add workers or servers, or let clients send less; those that "
        "respect Retry-After do so by themselves.",
    ),
    Alert(
        "BentoMLWorkerRestarts",
        'sum by (job, instance, reason) (increase(@worker_restarts_total{reason=~"crashed|stopped|silent|hung"}[15m]))'
        " > 2",
        "1m",
        "warning",
        "Workers of {{ $labels.instance }} are replaced again and again: {{ $labels.reason }}.",
        "The server's log names the end of each worker and the requests that it was running; a request that kills "
        "workers is answered 503 and named there.",
    ),
    Alert(
        "BentoMLLogLinesDropped",
        "sum by (job, instance, logger) (increase(@log_dropped_total[15m])) > 0",
        "1m",
        "warning",
        "{{ $labels.instance }} has dropped lines of its log {{ $labels.logger }}.",
        "What the log is written to is slower than the server: log less, or write it elsewhere.",
    ),
    Alert(
        "BentoMLLedgerImbalance",
        'sum by (job, instance) (@ledger_total{outcome="accepted"})'
        ' - sum by (job, instance) (@ledger_total{outcome!="accepted"})'
        " - sum by (job, instance) (@in_flight) != 0",
        "5m",
        "critical",
        "The books of {{ $labels.instance }} do not balance: {{ $value }} requests have no end.",
        "This is an error of the server; keep its log and its metrics, restart it, and report them.",
    ),
)


def alert_rules(naming: Naming) -> dict[str, Any]:
    """The rules as Prometheus reads them from a file of rules.

    Args:
        naming: whose metrics.
    """
    return {"groups": [{"name": "bentoml", "rules": [_rule(alert, naming) for alert in ALERTS]}]}


def _rule(alert: Alert, naming: Naming) -> dict[str, Any]:
    return {
        "alert": alert.name,
        "expr": naming.fill(alert.expression),
        "for": alert.hold,
        "labels": {"severity": alert.severity},
        "annotations": {"summary": alert.summary, "runbook": alert.runbook},
    }
