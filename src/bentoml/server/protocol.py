"""The HTTP protocol of the front: uvicorn's, with a fast lane for inference.

A plain POST (or GET, where the adapter allows it) to a known API route never becomes an ASGI scope or task: its
bytes go straight to the dispatcher, and the answer is one write. Every other request takes uvicorn's ordinary way
to the ASGI application, which gives the same answers. Both kinds share the connection's pipeline, so answers leave
in the order of the requests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from bentoml.server.call import Call
from bentoml.server.request_ids import request_id_of

if TYPE_CHECKING:
    import asyncio
    from collections import deque

    from bentoml.server.front import Front
    from bentoml.server.routes import Route

MAX_HEADERS = 128

_NOTED_HEADERS = frozenset({b"content-length", b"expect", b"upgrade", b"x-request-id"})


class _NoEvent:
    """Stands where uvicorn keeps an event that wakes an ASGI task; a fast call has no task."""

    @staticmethod
    def set() -> None:
        pass


_NO_EVENT = _NoEvent()


class FastCall(Call):
    """A call in the fast lane; for uvicorn's bookkeeping it is a request-response cycle.

    Attributes:
        protocol: the connection.
        keep_alive: whether the connection stays open after the answer.
        has_turn: every earlier request of the connection has been answered.
        received: the body is complete.
        refusal: status to answer with instead of running it, or 0.
        chunks: parts of the body while it arrives in more than one.
    """

    __slots__ = (
        "chunks",
        "disconnected",
        "has_turn",
        "keep_alive",
        "protocol",
        "received",
        "refusal",
        "response_complete",
    )

    message_event = _NO_EVENT

    def __init__(self, protocol: FrontProtocol, route: Route, method: str, headers: list[tuple[bytes, bytes]]) -> None:
        super().__init__(route, method, headers)
        self.protocol = protocol
        self.keep_alive = True
        self.disconnected = False
        self.response_complete = False
        self.has_turn = False
        self.received = False
        self.refusal = 0
        self.chunks: list[bytes] | None = None

    def answer(self, status: int, head: bytes, body: bytes) -> None:
        """Write the whole answer at once."""
        self.protocol.write_answer(self, status, head, body)


class FrontProtocol(HttpToolsProtocol):
    """One client connection.

    Args:
        front: what all connections share.
        **uvicorn_arguments: `config`, `server_state`, `app_state`.
    """

    # Uvicorn's cycles and fast calls alike.
    cycle: Any
    pipeline: deque[tuple[Any, Any]]

    def __init__(self, front: Front, **uvicorn_arguments: Any) -> None:
        super().__init__(**uvicorn_arguments)
        self._front = front
        self._request_id: bytes | None = None
        self._needs_slow_lane = False
        self._content_length = 0
        self._body_bytes = 0
        self._client_text = ""
        self._turn: FastCall | None = None
        self.idle_since_s = self.loop.time()

    # -- connection ---------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Keep the peer's address as text, once per connection."""
        super().connection_made(transport)
        self._client_text = self.client[0] if self.client else ""

    def connection_lost(self, exc: Exception | None) -> None:
        """Take the calls of a client that left out of the queue."""
        left = {self._turn, self.cycle, *(queued for queued, _ in self.pipeline)}
        for cycle in left:
            if isinstance(cycle, FastCall) and not cycle.response_complete:
                cycle.disconnected = True
                self._front.dispatcher.cancel(cycle)
        self.pipeline.clear()
        super().connection_lost(exc)

    def is_idle(self) -> bool:
        """Whether no request is being received or answered."""
        return not self.pipeline and (self.cycle is None or self.cycle.response_complete)

    # -- parser callbacks ---------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """Start a request; what only the ASGI lane needs is made when it is chosen."""
        self.url = b""
        self.headers = []
        self.expect_100_continue = False
        self._request_id = None
        self._needs_slow_lane = False
        self._content_length = 0
        self._body_bytes = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; a few are looked at."""
        name = name.lower()
        self.headers.append((name, value))
        if name in _NOTED_HEADERS:
            self._note(name, value)
        if len(self.headers) > MAX_HEADERS:
            raise ValueError(f"more than {MAX_HEADERS} headers")

    def _note(self, name: bytes, value: bytes) -> None:
        if name == b"content-length":
            self._content_length = int(value)  # the parser has refused anything but digits
        elif name == b"x-request-id":
            self._request_id = value
        else:
            self._needs_slow_lane = True
            self.expect_100_continue = name == b"expect" and value.lower() == b"100-continue"

    def on_headers_complete(self) -> None:
        """Choose the lane."""
        if not self._needs_slow_lane:
            path, _, query = self.url.partition(b"?")
            route = self._front.fast_routes.get(path)
            if route is not None:
                method = self.parser.get_method().decode("ascii")
                if method in route.methods:
                    self._begin_fast(route, method, query)
                    return
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url = url
        self.headers.extend(headers)
        self.expect_100_continue = expects
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Collect the body of a fast call."""
        call = self.cycle
        if not isinstance(call, FastCall):
            super().on_body(body)
            return
        if call.response_complete or call.refusal:
            return
        self._body_bytes += len(body)
        if self._body_bytes > self._front.options.max_request_size_bytes:
            call.chunks = None
            self._refuse(call, 413)
        elif call.chunks is None:
            call.chunks = [body]
        else:
            call.chunks.append(body)

    def on_message_complete(self) -> None:
        """Run a fast call whose body is complete, once it is its turn."""
        call = self.cycle
        if not isinstance(call, FastCall):
            super().on_message_complete()
            return
        call.received = True
        if call.chunks is not None:
            call.body = call.chunks[0] if len(call.chunks) == 1 else b"".join(call.chunks)
            call.chunks = None
        if call.response_complete:
            if not call.keep_alive:
                self.transport.close()
        elif call.has_turn:
            self._front.dispatcher.submit(call)

    # -- fast lane ----------------------------------------------------------------------------------------------

    def _begin_fast(self, route: Route, method: str, query: bytes) -> None:
        call = FastCall(self, route, method, self.headers)
        call.request_id = request_id_of(self._request_id)
        call.client = self._client_text
        if query:
            call.query = query.decode("latin-1")
        call.keep_alive = self.parser.should_keep_alive() and self.parser.get_http_version() != "1.0"
        previous, self.cycle = self.cycle, call
        if previous is None or previous.response_complete:
            call.has_turn = True
            self._turn = call
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((call, self.app))
        if self._content_length > self._front.options.max_request_size_bytes:
            self._refuse(call, 413)

    def _refuse(self, call: FastCall, status: int) -> None:
        """Refuse a call before its body is complete: now, or when its turn comes.

        The rest of the body is read and dropped: closing with unread bytes would reset the connection, and the client
        might never see the answer.
        """
        call.refusal = status
        if call.has_turn:
            self._take_turn(call)

    def _take_turn(self, call: FastCall) -> None:
        if call.disconnected or call.response_complete:
            return
        if call.refusal:
            call.counters.started()
            call.counters.finished(call.refusal, 0.0)
            call.refuse(call.refusal)
        elif call.received:
            self._front.dispatcher.submit(call)

    def write_answer(self, call: FastCall, status: int, head: bytes, body: bytes) -> None:
        """Write one whole answer; headers stand in the order in which the ASGI lane sends them."""
        call.response_complete = True
        transport = self.transport
        if call.disconnected or transport.is_closing():
            return
        transport.write(
            b"%b%b%bcontent-length: %d\r\nx-request-id: %b\r\n%b\r\n%b"
            % (
                STATUS_LINE[status],
                self._front.default_head(self.server_state.default_headers),
                head,
                len(body),
                call.request_id.encode("ascii"),
                b"" if call.keep_alive else b"connection: close\r\n",
                body,
            )
        )
        if call.keep_alive:
            self.on_response_complete()
        elif call.received:
            transport.close()

    def on_response_complete(self) -> None:
        """Give the turn to the next request of this connection."""
        self.server_state.total_requests += 1
        self._turn = None
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if not self.pipeline:
            self.idle_since_s = self.loop.time()
            return
        cycle, app = self.pipeline.pop()
        if isinstance(cycle, FastCall):
            cycle.has_turn = True
            self._turn = cycle
            # Not called here: answers that are refusals would nest once per pipelined request.
            self.loop.call_soon(self._take_turn, cycle)
        else:
            self._start_asgi_task(cycle, app)

    def send_400_response(self, msg: str) -> None:
        """Answer bytes that are no HTTP request."""
        body = msg.encode("ascii")
        self.transport.write(
            b"%b%bcontent-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\nx-request-id: %b\r\n"
            b"connection: close\r\n\r\n%b"
            % (
                STATUS_LINE[400],
                self._front.default_head(self.server_state.default_headers),
                len(body),
                request_id_of(None).encode("ascii"),
                body,
            )
        )
        self.transport.close()
