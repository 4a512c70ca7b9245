"""PromQL over the server's metrics, written once for any service.

In an expression `@queue_depth{endpoint="a"}` stands for the metric whose name ends so: that of one service, that of the
service that a dashboard's viewer chooses, or those of all services of a namespace.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_METRIC = re.compile(r"@(\w+)(?:\{([^}]*)\})?")


@dataclass(frozen=True)
class Naming:
    """What stands before the metrics in an expression.

    Attributes:
        prefix: what names begin with; a regular expression when `is_pattern`.
        is_pattern: whether all names that fit are meant.
    """

    prefix: str
    is_pattern: bool = False

    @classmethod
    def of_service(cls, namespace: str, service_name: str) -> Naming:
        """The metrics of one service, as its server names them."""
        from bentoml.server.metrics.server_metrics import metric_prefix

        return cls(metric_prefix(namespace, service_name))

    @classmethod
    def of_all_services(cls, namespace: str) -> Naming:
        """The metrics of every service of a namespace."""
        from bentoml.server.metrics.server_metrics import metric_prefix

        prefix = metric_prefix(namespace, "")
        return cls(f"{prefix}_.+" if prefix else ".+", is_pattern=True)

    def fill(self, expression: str) -> str:
        """An expression with the names in it."""
        return _METRIC.sub(self._selector, expression)

    def _selector(self, found: re.Match[str]) -> str:
        name, labels = f"{self.prefix}_{found[1]}", found[2] or ""
        if not self.is_pattern:
            return f"{name}{{{labels}}}" if labels else name
        return "{" + ",".join(filter(None, [f'__name__=~"{name}"', labels])) + "}"
