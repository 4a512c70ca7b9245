"""Traces in a worker: what it does with a batch, and the user's function, below the span that the front has begun.

While the function runs, its span is the current one of OpenTelemetry: spans that user code makes stand below it, and
instrumented clients send its context on.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from opentelemetry.context import Context
from opentelemetry.trace import get_current_span

from bentoml.server.tracing.front_tracing import PROPAGATOR

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.trace import Tracer

    from bentoml.server.tracing.front_tracing import Carrier


class WorkerTraces:
    """Makes the spans of one worker.

    Args:
        tracer: makes spans.
    """

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    @contextmanager
    def handling(self, carrier: Carrier | None, api_name: str) -> Iterator[None]:
        """A batch is read, run and written; nothing happens when it is not traced.

        Args:
            carrier: context of the batch.
            api_name: what runs.
        """
        if carrier is None:
            yield
            return
        context = PROPAGATOR.extract(dict(carrier), Context())
        with self._tracer.start_as_current_span(
            f"handle {api_name}", context, attributes={"bentoml.api": api_name}, record_exception=False
        ):
            yield

    @contextmanager
    def calling(self, api_name: str) -> Iterator[None]:
        """The user's function runs; nothing happens when its batch is not traced."""
        if not get_current_span().is_recording():
            yield
            return
        with self._tracer.start_as_current_span(f"function {api_name}"):
            yield
