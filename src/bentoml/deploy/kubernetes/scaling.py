"""How many pods there are, and who reads the numbers that decide it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from bentoml.deploy.kubernetes.pods import PORT_NAME

if TYPE_CHECKING:
    from bentoml.deploy.kubernetes.facts import Facts

QUEUE_METRIC = "bentoml_queue_depth"
"""The number of requests of a pod that wait, as the metrics of the cluster call it."""
_CALM_S = 300


def autoscaler(facts: Facts) -> dict[str, Any]:
    """More pods at once, fewer only after some minutes: a model takes its time to load."""
    options = facts.options
    metrics: list[dict[str, Any]] = []
    if options.cpu_target_percent is not None:
        target = {"type": "Utilization", "averageUtilization": options.cpu_target_percent}
        metrics.append({"type": "Resource", "resource": {"name": "cpu", "target": target}})
    if options.queue_target is not None:
        target = {"type": "AverageValue", "averageValue": str(options.queue_target)}
        metrics.append({"type": "Pods", "pods": {"metric": {"name": QUEUE_METRIC}, "target": target}})
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": facts.metadata(),
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": facts.name},
            "minReplicas": options.replicas,
            "maxReplicas": options.max_replicas,
            "metrics": metrics,
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": _CALM_S}},
        },
    }


def disruption_budget(facts: Facts) -> dict[str, Any]:
    """Whoever empties nodes takes one pod at a time."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": facts.metadata(),
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": facts.selector}},
    }


def service_monitor(facts: Facts) -> dict[str, Any]:
    """Has the Prometheus operator scrape the pods."""
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "ServiceMonitor",
        "metadata": facts.metadata(),
        "spec": {
            "selector": {"matchLabels": facts.selector},
            "endpoints": [{"port": PORT_NAME, "path": "/metrics", "interval": "15s"}],
        },
    }


def adapter_rule(facts: Facts) -> dict[str, Any]:
    """Values for the chart of prometheus-adapter, which gives the queue of each pod to the autoscaler."""
    namespace = re.sub(r"[^A-Za-z0-9_]", "_", facts.config.bento_server.metrics.namespace.strip())
    series = f"^{namespace}_.+_queue_depth$" if namespace else "^.+_queue_depth$"
    return {
        "rules": {
            "custom": [
                {
                    "seriesQuery": f'{{__name__=~"{series}",namespace!="",pod!=""}}',
                    "resources": {
                        "overrides": {"namespace": {"resource": "namespace"}, "pod": {"resource": "pod"}},
                    },
                    "name": {"matches": "^.+$", "as": QUEUE_METRIC},
                    "metricsQuery": "sum(<<.Series>>{<<.LabelMatchers>>}) by (<<.GroupBy>>)",
                }
            ]
        }
    }
