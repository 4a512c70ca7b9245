"""Traces of requests in the front, in the terms of OpenTelemetry.

A traced request has a span of its own, from the end of its body to its answer, with one below it for the time that it
waited. A batch has a span with a link to each traced request in it; it stands below the first of them, so that the
trace of a request that was alone is whole. What the worker does, down to the user's function, stands below the batch.

A client's `traceparent` is continued: its flag says whether the request is traced. Of the others a share is.
"""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Any

from opentelemetry.context import Context
from opentelemetry.trace import Link, SpanKind, Status, StatusCode, get_current_span, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from bentoml.server.scheduling.ledger import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opentelemetry.trace import Span, Tracer

    from bentoml.server.http.call import Call
    from bentoml.server.http.heads import RequestHead

# A context on its way to a worker: the W3C fields, `traceparent` first.
Carrier = list[tuple[str, str]]

PROPAGATOR = TraceContextTextMapPropagator()
_NO_CONTEXT = Context()


class CallTrace:
    """The spans of one traced request.

    Attributes:
        span: of the request.
        waits_since_ns: when it began to wait for a worker; wall clock.
    """

    __slots__ = ("span", "waits_since_ns")

    def __init__(self, span: Span, now_ns: int) -> None:
        self.span = span
        self.waits_since_ns = now_ns

    def end(self, outcome: Outcome, status: int, reason: str) -> None:
        """The request has come to its end; see `Call.settle`."""
        self.span.set_attribute("http.response.status_code", status)
        self.span.set_attribute("bentoml.outcome", outcome.name.lower())
        if reason:
            self.span.set_attribute("bentoml.reason", reason)
        if status >= 500 or outcome is Outcome.FAILED:
            self.span.set_status(Status(StatusCode.ERROR))
        self.span.end()


class Traces:
    """Follows the traced requests of one queue.

    Args:
        tracer: makes spans.
        sample_rate: share of the requests without a context of their own that are traced, 0 to 1.
        draw: gives numbers from 0 to 1.
        clock: wall clock in nanoseconds.
    """

    def __init__(
        self,
        tracer: Tracer,
        sample_rate: float,
        draw: Callable[[], float] = random.random,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._tracer = tracer
        self._sample_rate = sample_rate
        self._draw = draw
        self._clock = clock
        self._batches: dict[int, Span] = {}

    def arrived(self, call: Call) -> None:
        """A request is complete; it gets a trace, or not."""
        head = call.head
        context = _context_of(head)
        if context is None:
            if self._draw() >= self._sample_rate:
                return
            context = _NO_CONTEXT
        elif not get_current_span(context).get_span_context().trace_flags.sampled:
            return
        method, path = str(head.wire[0]), str(head.wire[1])
        now_ns = self._clock()
        span = self._tracer.start_span(
            f"{method} {path}",
            context,
            SpanKind.SERVER,
            {
                "http.request.method": method,
                "http.route": path,
                "http.request.body.size": len(call.body),
                "client.address": call.client,
                "bentoml.request_id": call.request_id,
            },
            start_time=now_ns,
        )
        call.trace = CallTrace(span, now_ns)

    def dispatched(self, batch_id: int, api_name: str, batch: Sequence[Call]) -> Carrier | None:
        """A batch goes to a worker.

        Returns:
            The context of its span; None when no request of it is traced.
        """
        traces = [call.trace for call in batch if call.trace is not None]
        if not traces:
            return None
        now_ns = self._clock()
        for trace in traces:
            waiting = self._tracer.start_span(
                "queue", set_span_in_context(trace.span, _NO_CONTEXT), start_time=trace.waits_since_ns
            )
            waiting.end(now_ns)
        span = self._batches[batch_id] = self._tracer.start_span(
            f"batch {api_name}",
            set_span_in_context(traces[0].span, _NO_CONTEXT),
            attributes={"bentoml.api": api_name, "bentoml.batch.size": len(batch)},
            links=[Link(trace.span.get_span_context()) for trace in traces],
            start_time=now_ns,
        )
        for trace in traces[1:]:
            trace.span.add_link(span.get_span_context())
        carrier: dict[str, str] = {}
        PROPAGATOR.inject(carrier, set_span_in_context(span, _NO_CONTEXT))
        return list(carrier.items())

    def batch_ended(self, batch_id: int) -> None:
        """A worker has answered a batch; nothing happens when it is not traced."""
        span = self._batches.pop(batch_id, None)
        if span is not None:
            span.end()

    def batch_lost(self, batch_id: int, batch: Sequence[Call]) -> None:
        """The worker of a batch is gone; its requests may wait for another one."""
        span = self._batches.pop(batch_id, None)
        if span is None:
            return
        now_ns = self._clock()
        span.set_status(Status(StatusCode.ERROR, "the worker is gone"))
        span.end(now_ns)
        for call in batch:
            if call.trace is not None:
                call.trace.waits_since_ns = now_ns


def _context_of(head: RequestHead) -> Context | None:
    """The context that a client has sent; None when it has sent none, or none that can be read."""
    fields = head.trace_fields
    if fields is None:
        return None
    context = PROPAGATOR.extract(fields, _NO_CONTEXT)
    return context if get_current_span(context).get_span_context().is_valid else None


def as_tracer(provider: Any) -> Tracer:
    """The tracer under our name."""
    from bentoml._version import __version__

    tracer: Tracer = provider.get_tracer("bentoml", __version__)
    return tracer
