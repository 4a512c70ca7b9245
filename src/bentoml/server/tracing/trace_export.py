"""Where traces go: by OTLP over HTTP to a collector, from each process of a server by itself.

Exporting takes a thread, which sends what has ended every few seconds; what a collector that is down does not take is
dropped, and the log says so. The standard variables `OTEL_EXPORTER_OTLP_*`, `OTEL_RESOURCE_ATTRIBUTES` and `OTEL_BSP_*`
apply.
"""

from __future__ import annotations

import asyncio
import logging
import os
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bentoml._util.daemon_thread import run_in_daemon_thread
from bentoml._util.optional import require
from bentoml.configuration import get_config

if TYPE_CHECKING:
    from bentoml.configuration.schema import Tracing

logger = logging.getLogger(__name__)

REQUIREMENT = "'bentoml[tracing]'"
# What has not been sent when a process ends gets so long.
FLUSH_LIMIT_S = 3.0
_TRACES_PATH = "/v1/traces"


class TraceExport:
    """Sends the spans of this process.

    Args:
        settings: where to.
        service: name of the served service.
        version: its version.
        role: what this process is, `front` or `worker`.

    Attributes:
        provider: makes tracers.
    """

    def __init__(self, settings: Tracing, service: str, version: str, role: str) -> None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        resource = Resource.create(
            {
                "service.name": os.environ.get("OTEL_SERVICE_NAME", service),
                "service.version": version,
                "service.instance.id": f"{role}-{os.getpid()}",
            }
        )
        self.provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self.provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(traces_url(settings.otlp.endpoint))))

    async def flush(self) -> None:
        """Send what has ended, within `FLUSH_LIMIT_S`."""
        try:
            # A collector that does not answer must not keep the process.
            await asyncio.wait_for(run_in_daemon_thread(self.provider.force_flush), FLUSH_LIMIT_S)
        except asyncio.TimeoutError:
            logger.warning("Not all traces were sent before the end of process %d", os.getpid())


def traces_url(endpoint: str | None) -> str | None:
    """The address that spans are posted to; None leaves it to the standard variables.

    Args:
        endpoint: base address of a collector, such as `http://localhost:4318`, or the whole address.
    """
    if endpoint is None:
        return None
    return endpoint if urlsplit(endpoint).path.strip("/") else endpoint.rstrip("/") + _TRACES_PATH


def _kind(settings: Tracing) -> str:
    return (settings.type or "").lower()


def check_tracing() -> None:
    """See, before anything starts, that what is configured can be done.

    Raises:
        MissingDependencyException: OpenTelemetry is not installed.
    """
    kind = _kind(get_config().tracing)
    if kind == "otlp":
        require("opentelemetry.sdk.trace", REQUIREMENT)
        require("opentelemetry.exporter.otlp.proto.http", REQUIREMENT)
    elif kind:
        logger.warning("tracing.type: %s has no effect; both systems take OTLP: set it to otlp", kind)


def start_export(service: str, version: str, role: str) -> TraceExport | None:
    """Begin to export, if the configuration says so; see `TraceExport`."""
    settings = get_config().tracing
    if _kind(settings) != "otlp":
        return None
    return TraceExport(settings, service, version, role)
