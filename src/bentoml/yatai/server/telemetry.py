"""Metrics of the registry, and its access log.

Labels are names of routes, never paths: a client cannot make new ones. The lines of the access log are JSON, in one
file, which is turned over when it is large.
"""

from __future__ import annotations

import json
import logging
import math
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from bentoml._util.log_handlers import LineFileHandler
from bentoml._util.logs import FILE_BYTES, LINES_FILE_COUNT, log_directory

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bentoml.configuration import Config
    from bentoml.yatai.server.stock import Stock

TEXT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
LOG_FILE = "yatai.log"
MAX_PATH = 1024
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_STOCK = {
    "bundles": "Bundles that can be found.",
    "deleted": "Deleted bundles that can be restored.",
    "contents": "Contents of files; each is kept once.",
    "stored_bytes": "Size of these contents.",
    "uploads": "Uploads that are open, or were committed within the last hour.",
}
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)


@dataclass
class Exchange:
    """One request and its answer, as far as they are told to others.

    Attributes:
        method: as the client has sent it.
        path: decoded, without the query, which may hold secrets.
        client: address of the peer; empty for one without.
        request_id: printable ASCII.
        operation: name of the route; empty where there is none.
        user: who asked; empty for nobody.
        status: of the answer; 499 where the client left before it.
        received_bytes: of the body of the request.
        sent_bytes: of the body of the answer.
    """

    method: str
    path: str
    client: str
    request_id: str
    operation: str = ""
    user: str = ""
    status: int = 499
    received_bytes: int = 0
    sent_bytes: int = 0


class RegistryMetrics:
    """Counts what the registry is asked."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        names = ("operation", "method", "status")
        self._requests = Counter("YATAI_requests", "Requests that ended.", names, registry=self._registry)
        self._seconds = Histogram(
            "YATAI_request_duration_seconds",
            "From the head of a request to the end of its answer.",
            ("operation",),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._in_progress = Gauge("YATAI_requests_in_progress", "Requests that are answered.", registry=self._registry)
        self._received = Counter("YATAI_received_bytes", "Bodies of requests.", ("operation",), registry=self._registry)
        self._sent = Counter("YATAI_sent_bytes", "Bodies of answers.", ("operation",), registry=self._registry)
        self._refused = Counter(
            "YATAI_refused_logins",
            "Credentials that were wrong, or came too often.",
            ("reason",),
            registry=self._registry,
        )

        self._stock = {
            name: Gauge(f"YATAI_{name}", meaning, registry=self._registry) for name, meaning in _STOCK.items()
        }

    def stocked(self, stock: Stock | None) -> None:
        """What the registry holds now; None where nobody knows."""
        for name, gauge in self._stock.items():
            gauge.set(math.nan if stock is None else getattr(stock, name))

    def started(self) -> None:
        """A request has come."""
        self._in_progress.inc()

    def ended(self, exchange: Exchange, duration_s: float) -> None:
        """A request is answered, or given up."""
        self._in_progress.dec()
        operation = exchange.operation or "none"
        method = exchange.method if exchange.method in _METHODS else "other"
        self._requests.labels(operation, method, str(exchange.status)).inc()
        self._seconds.labels(operation).observe(duration_s)
        self._received.labels(operation).inc(exchange.received_bytes)
        self._sent.labels(operation).inc(exchange.sent_bytes)

    def refused(self, reason: str) -> None:
        """Credentials were refused.

        Args:
            reason: one of few words.
        """
        self._refused.labels(reason).inc()

    def text(self) -> bytes:
        """All numbers in the text format of Prometheus."""
        return generate_latest(self._registry)


class RegistryAccessLog:
    """Writes a line for each request.

    Args:
        path: the file; its directory is made.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._handler = LineFileHandler(path, FILE_BYTES, LINES_FILE_COUNT)

    def add(self, exchange: Exchange, duration_s: float) -> None:
        """Write the line of a request that has ended."""
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        path = exchange.path if len(exchange.path) <= MAX_PATH else f"{exchange.path[:MAX_PATH]}..."
        line: Mapping[str, object] = {
            "time": now,
            "client": exchange.client,
            "user": exchange.user,
            "method": exchange.method,
            "path": path,
            "operation": exchange.operation,
            "status": exchange.status,
            "received_bytes": exchange.received_bytes,
            "sent_bytes": exchange.sent_bytes,
            "ms": round(duration_s * 1000, 2),
            "request_id": exchange.request_id,
        }
        self._handler.write_lines(json.dumps(line).encode() + b"\n")

    def close(self) -> None:
        """Close the file."""
        self._handler.close()


def open_access_log(config: Config) -> RegistryAccessLog | None:
    """The access log as it is configured; None when there is to be none, or its file cannot be written."""
    from pathlib import Path

    if not config.yatai.server.access_log:
        return None
    path = Path(config.yatai.logging.path).expanduser() if config.yatai.logging.path else log_directory() / LOG_FILE
    try:
        return RegistryAccessLog(path)
    except OSError as error:
        logging.getLogger(__name__).warning("There is no access log, %s cannot be written: %s", path, error)
        return None
