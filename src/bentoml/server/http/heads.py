"""Heads of requests for API routes: what is known of a request before its body, shared by all that have the same.

Clients send the same head again and again: on connections that are kept alive, most requests differ in their bodies
alone. The parser has read such a head once; when the very same bytes come again, what it found is looked up instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bentoml._util.bounded_memo import BoundedMemo
from bentoml.server.http.request_timeouts import TIMEOUT_HEADER, timeout_ms_of

if TYPE_CHECKING:
    from bentoml.server.front.routes import Route

# A longer head is not kept, and no more than so many: heads that differ each time (with trace or account ids in them)
# must not take memory.
MAX_KEPT_BYTES = 2048
MAX_KEPT = 2048
HEAD_END = b"\r\n\r\n"
TRACE_HEADER = b"traceparent"


class RequestHead:
    """The head of a request for an API route. It is shared, and never changed.

    Args:
        route: where the request goes.
        method: upper-case HTTP method.
        query: what follows `?`, undecoded.
        headers: (name, value) pairs, names in lower case.
        content_length: bytes that the body takes, as declared; 0 when nothing is declared.

    Attributes:
        counters: those of its route and method.
        wire: method, path, query and header fields, as a `CALL` frame has them.
        method: as the client has sent it, where that differs from the one that is counted.
        line_text: method and path as the access log has them, once made.
        trace_fields: the W3C fields of a trace that the client has begun, as text by name; None without one.
        budget_s: how long its caller waits for an answer: the limit of the API, or a shorter one in the head.
    """

    __slots__ = ("budget_s", "content_length", "counters", "line_text", "method", "route", "trace_fields", "wire")

    def __init__(
        self, route: Route, method: str, query: str, headers: list[tuple[bytes, bytes]], content_length: int
    ) -> None:
        self.route = route
        self.counters = route.counters[method]
        self.content_length = content_length
        self.method = method
        self.line_text: str | None = None
        block = b"".join([b"%b: %b\r\n" % pair for pair in headers])
        self.wire: list[Any] = [method, route.path, query, block]
        self.trace_fields = _trace_fields(headers) if TRACE_HEADER in block else None
        self.budget_s = route.policy.max_latency_s
        if TIMEOUT_HEADER in block:
            timeout_ms = timeout_ms_of(headers)
            if timeout_ms is not None:
                self.budget_s = min(self.budget_s, timeout_ms / 1000)

    @property
    def path(self) -> str:
        """Of the route, decoded."""
        return self.route.path

    def fields(self) -> list[tuple[bytes, bytes]]:
        """The headers, names in lower case."""
        block = self.wire[3]
        assert isinstance(block, bytes)
        return [(name, value) for name, _, value in (line.partition(b": ") for line in block.split(b"\r\n")[:-1])]


def _trace_fields(headers: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """The first `traceparent`, and what all `tracestate` fields say together."""
    fields: dict[str, str] = {}
    for name, value in headers:
        text = value.decode("latin-1")
        if name == TRACE_HEADER:
            fields.setdefault("traceparent", text)
        elif name == b"tracestate":
            fields["tracestate"] = f"{fields['tracestate']},{text}" if "tracestate" in fields else text
    return fields


class KnownHeads:
    """Heads by their bytes, for one table of routes. Every entry was read by the parser, which found nothing odd."""

    __slots__ = ("_heads",)

    def __init__(self) -> None:
        self._heads: BoundedMemo[bytes, RequestHead] = BoundedMemo(MAX_KEPT)

    def clear(self) -> None:
        """Forget all, as the routes are about to change."""
        self._heads.clear()

    def find(self, data: bytes) -> tuple[RequestHead, bytes] | None:
        """Head and body of data that is one whole request with a known head, else None."""
        end = data.find(HEAD_END) + 4
        head = self._heads.get(data[:end])
        if head is None or len(data) - end != head.content_length:
            return None
        return head, data[end:]

    def keep(self, data: bytes, head: RequestHead) -> None:
        """Keep the head of the last request that the parser found in `data`, if the data is that request alone.

        With another request before it, what follows the first end of a head is longer than the body of the last.

        Args:
            data: whole requests, from the first byte of one.
            head: of the last of them; it is neither chunked nor closes the connection.
        """
        end = data.find(HEAD_END) + 4
        if end > MAX_KEPT_BYTES or len(data) - end != head.content_length:
            return
        self._heads.keep(data[:end], head)
