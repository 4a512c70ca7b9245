"""A collector of traces: takes what OTLP exporters post over HTTP, and keeps the spans."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

LIMIT_S = 30.0
ERROR_CODE = 2


@dataclass(frozen=True)
class Received:
    """One span.

    Attributes:
        links: span ids of what it is linked to.
        events: names.
        role: `front` or `worker`.
    """

    name: str
    trace_id: str
    span_id: str
    parent_id: str
    attributes: dict[str, Any]
    links: list[str]
    events: list[str]
    has_error: bool
    start_ns: int
    end_ns: int
    role: str
    service: str


def _value(value: Any) -> Any:
    return getattr(value, value.WhichOneof("value"))


def _spans(request: ExportTraceServiceRequest) -> Iterator[Received]:
    for group in request.resource_spans:
        resource = {pair.key: _value(pair.value) for pair in group.resource.attributes}
        for scope in group.scope_spans:
            for span in scope.spans:
                yield Received(
                    span.name,
                    span.trace_id.hex(),
                    span.span_id.hex(),
                    span.parent_span_id.hex(),
                    {pair.key: _value(pair.value) for pair in span.attributes},
                    [link.span_id.hex() for link in span.links],
                    [event.name for event in span.events],
                    span.status.code == ERROR_CODE,
                    span.start_time_unix_nano,
                    span.end_time_unix_nano,
                    resource["service.instance.id"].partition("-")[0],
                    resource["service.name"],
                )


@dataclass
class Receiver:
    """What has come so far."""

    url: str
    spans: list[Received] = field(default_factory=list)
    paths: set[str] = field(default_factory=set)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def wait_for(self, condition: Callable[[list[Received]], Any]) -> list[Received]:
        """All spans, once they meet a condition."""
        with self.changed:
            assert self.changed.wait_for(lambda: condition(self.spans), LIMIT_S), [span.name for span in self.spans]
            return list(self.spans)

    def trace_of(self, request_id: str, *names: str) -> dict[str, Received]:
        """The spans of the trace of one request by name, once all of these are there."""

        def found(spans: list[Received]) -> dict[str, Received]:
            ids = {span.trace_id for span in spans if span.attributes.get("bentoml.request_id") == request_id}
            return {span.name: span for span in spans if span.trace_id in ids}

        spans = self.wait_for(lambda all_spans: set(names) <= found(all_spans).keys())
        return found(spans)


@contextmanager
def otlp_receiver() -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            request = ExportTraceServiceRequest.FromString(body)
            with receiver.changed:
                receiver.paths.add(self.path)
                receiver.spans += _spans(request)
                receiver.changed.notify_all()
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver = Receiver(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()


def seconds_of(span: Received) -> float:
    return (span.end_ns - span.start_ns) / 1e9


def is_recent(span: Received) -> bool:
    return abs(span.start_ns / 1e9 - time.time()) < 600
