"""The HTTP protocol of the front: uvicorn's, with a fast lane for inference.

A plain POST (or GET, where the adapter allows it) to a known API route never becomes an ASGI scope or task: its
bytes go straight to the dispatcher, and the answer is one write. Every other request takes uvicorn's ordinary way
to the ASGI application, which gives the same answers. Both kinds share the connection's pipeline, so answers leave
in the order of the requests.

A request that comes in one piece, with a head that was read before, does not even pass the parser: see `heads.py`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from bentoml._http.request_ids import new_request_id, request_id_of
from bentoml.server.front.ending import EndingProtocol
from bentoml.server.front.inference_app import accept
from bentoml.server.http.call import UNSIZED
from bentoml.server.http.fast_call import FastCall
from bentoml.server.http.heads import RequestHead
from bentoml.server.http.refusal import Refusal
from bentoml.server.scheduling.ledger import EARLY_REASONS, Outcome
from bentoml.server.scheduling.scheduler import State
from bentoml.server.streams.stream_client import CONNECTION, StreamClient

if TYPE_CHECKING:
    import asyncio

    from starlette.types import ASGIApp

    from bentoml.server.front.front import Front
    from bentoml.server.front.routes import Route

# A connection with this many requests that wait for their turn is not read. With fewer it is, because only then the
# client's leaving is seen at once.
MAX_PIPELINED = 16


class FrontProtocol(EndingProtocol):
    """One client connection.

    Args:
        front: what all connections share.
        **uvicorn_arguments: `config`, `server_state`, `app_state`.
    """

    def __init__(self, front: Front, **uvicorn_arguments: Any) -> None:
        super().__init__(front, **uvicorn_arguments)
        self._client_text = ""
        # Whether others ask through the peer, as it says in the head of each request.
        self._is_proxy = False
        self._is_held = False

    # -- connection ---------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Keep the peer's address as text, once per connection."""
        super().connection_made(transport)
        if self.client is not None and self.client[0].startswith("::ffff:"):
            # An IPv4 client of a socket for both kinds.
            self.client = (self.client[0][7:], self.client[1])
        self._client_text = self.client[0] if self.client else ""
        self._is_proxy = self._front.proxies.has(self._client_text)
        if self._front.draining:
            self.shutdown()

    # -- parser callbacks ---------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Take a request whose head is known; everything else is parsed."""
        if not self._is_at_boundary:
            super().data_received(data)
            return
        heads = self._front.known_heads
        known = heads.find(data)
        if known is not None:
            self._take_known(*known)
            return
        super().data_received(data)
        call = self.cycle
        if self._is_at_boundary and isinstance(call, FastCall) and call.is_plain and call.keep_alive:
            heads.keep(data, call.head)

    def _take_known(self, head: RequestHead, body: bytes) -> None:
        front = self._front
        request_id = new_request_id()
        client = self._client_of(head.fields()) if self._is_proxy else self._client_text
        call = FastCall(self, front.dispatcher, head, request_id, client, keep_alive=not front.draining)
        call.body = body
        call.received = True
        self._enqueue(call)
        if call.has_turn:
            call.dispatcher.submit(call)

    def begin(self) -> None:
        """Choose the lane."""
        if not self._needs_slow_lane:
            path, _, query = self.url.partition(b"?")
            route = self._front.fast_routes.get(path)
            # A fragment, which no client should send, is not part of the query.
            if route is not None and b"#" not in query:
                method = self.parser.get_method().decode("ascii")
                if method in route.methods:
                    self._begin_fast(route, method, query)
                    return
        # What a request gets depends on when it came, not on when its turn is.
        self.app = self._application
        super().begin()
        if self._is_proxy:
            # The port belongs to the proxy.
            self.cycle.scope["client"] = (self._client_of(self.headers), 0)
        accept(self._front.routes_by_path, self._front.dispatcher, self.cycle.scope)
        self.scope["state"][CONNECTION] = partial(StreamClient, self, self.cycle)
        if not self.pipeline:
            self._turn = self.cycle
        elif len(self.pipeline) < MAX_PIPELINED:
            self.flow.resume_reading()
        else:
            self._front.leavers.watch(self)

    def on_body(self, body: bytes) -> None:
        """Collect the body of a fast call."""
        self._quiet_bytes = 0
        call = self.cycle
        if not isinstance(call, FastCall):
            super().on_body(body)
            return
        if call.response_complete or call.refusal:
            return
        self._body_bytes += len(body)
        if self._body_bytes > self._front.options.max_request_size_bytes:
            self._refuse(call, 413)
        elif call.chunks is None:
            # A body in one piece is not counted: it is small, and gone from here at once.
            call.chunks = [body]
        elif self._front.arriving.take(len(body)):
            call.arriving_bytes += len(body)
            call.chunks.append(body)
            if not call.has_turn:
                # The rest of a large body can wait until it is its turn.
                self.flow.pause_reading()
                self._front.leavers.watch(self)
        else:
            self._refuse(call, 429)

    def end(self) -> None:
        """Run a fast call whose body is complete, once it is its turn."""
        call = self.cycle
        if not isinstance(call, FastCall):
            super().end()
            return
        call.received = True
        if call.chunks is not None:
            call.body = call.chunks[0] if len(call.chunks) == 1 else b"".join(call.chunks)
            self._drop_body(call)
        if call.has_turn:
            self._take_turn(call)

    @property
    def _application(self) -> ASGIApp:
        return self._front.application

    def _client_of(self, headers: list[tuple[bytes, bytes]]) -> str:
        return self._front.proxies.client_of(self._client_text, headers) if self._is_proxy else self._client_text

    # -- fast lane ----------------------------------------------------------------------------------------------

    def _begin_fast(self, route: Route, method: str, query: bytes) -> None:
        self._body_bytes = 0
        parser = self.parser
        head = RequestHead(route, method, query.decode("latin-1"), self.headers, self._content_length)
        call = FastCall(
            self,
            self._front.dispatcher,
            head,
            request_id_of(self._request_id),
            self._client_of(self.headers),
            keep_alive=parser.should_keep_alive() and parser.get_http_version() != "1.0" and not self._front.draining,
        )
        call.is_plain = self._is_plain
        if not call.keep_alive and parser.get_http_version() == "1.0":
            self._is_of_1_0 = True
        self._enqueue(call)
        gate = self._front.gates.inference
        if gate is not None and not gate.admits(self.headers):
            # Such a head is not kept: one that is known passes.
            call.is_plain = False
            self._refuse(call, 401)
        elif self._content_length > self._front.options.max_request_size_bytes:
            self._refuse(call, 413)

    def _enqueue(self, call: FastCall) -> None:
        """Make a call the newest of this connection; it has the turn when nothing is before it."""
        previous, self.cycle = self.cycle, call
        if previous is None or previous.response_complete:
            call.has_turn = True
            self._turn = call
        else:
            self.pipeline.appendleft((call, self.app))
            if len(self.pipeline) >= MAX_PIPELINED:
                self.flow.pause_reading()
                self._front.leavers.watch(self)

    def _refuse(self, call: FastCall, status: int) -> None:
        """Refuse a call before its body is complete: now, or when its turn comes.

        The rest of the body is read and dropped: closing with unread bytes would reset the connection, and the client
        might never see the answer.
        """
        self._drop_body(call)
        call.refusal = status
        if call.has_turn:
            self._take_turn(call)

    def _take_turn(self, call: FastCall) -> None:
        if call.disconnected or call.response_complete:
            return
        if call.refusal:
            call.refuse(call.refusal, retry_after_s=1 if call.refusal == 429 else None)
            call.settle(Outcome.REFUSED, call.refusal, reason=EARLY_REASONS[call.refusal])
        elif call.received and call.state is State.NEW:
            # Its body may have been completed, and the call submitted, just before this.
            call.dispatcher.submit(call)

    def write_answer(self, call: FastCall, status: int, head: bytes, body: bytes) -> None:
        """Write one whole answer; headers stand in the order in which the ASGI lane sends them."""
        call.response_complete = True
        transport = self.transport
        if call.disconnected or transport.is_closing():
            call.dispatcher.cancel(call)
            return
        transport.write(
            b"%b%b%b%bx-request-id: %b\r\n%b\r\n%b"
            % (
                STATUS_LINE[status],
                self._front.default_head(self.server_state.default_headers),
                head,
                b"" if status in UNSIZED else b"content-length: %d\r\n" % len(body),
                call.request_id.encode("ascii"),
                b"" if call.keep_alive else b"connection: close\r\n",
                body,
            )
        )
        call.sent_bytes = len(body)
        if call.keep_alive:
            self.on_response_complete()
        else:
            self.close_after(call)

    def on_response_complete(self) -> None:
        """Give the turn to the next request of this connection."""
        self.server_state.total_requests += 1
        self._turn = None
        if self.is_lingering or self.transport.is_closing():
            return
        if self.flow.write_paused:
            # The client does not read its answers: it gets no more of them before it does.
            self._is_held = True
            self.flow.pause_reading()
        else:
            self._next_turn()

    def resume_writing(self) -> None:
        """The client has read what was waiting for it."""
        super().resume_writing()
        if self._is_held:
            self._is_held = False
            if not self.transport.is_closing():
                self._next_turn()

    def _next_turn(self) -> None:
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
        elif isinstance(cycle, Refusal):
            self.send_refusal(cycle)
        else:
            self._turn = cycle
            self._start_asgi_task(cycle, app)


class ManagementProtocol(FrontProtocol):
    """A connection to the management port, where there are pages and metrics as well."""

    @property
    def _application(self) -> ASGIApp:
        return self._front.management_application
