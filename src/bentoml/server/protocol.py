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

from bentoml.server.call import UNSIZED
from bentoml.server.fast_call import FastCall
from bentoml.server.heads import RequestHead
from bentoml.server.inference_app import accept, accepted_call
from bentoml.server.leavers import CONTINUE, LEADING_ZERO
from bentoml.server.ledger import EARLY_REASONS, Outcome
from bentoml.server.reading import ReadingProtocol, Refusal
from bentoml.server.request_ids import new_request_id, request_id_of
from bentoml.server.scheduler import State
from bentoml.server.stream_client import CONNECTION, StreamClient

if TYPE_CHECKING:
    import asyncio

    from bentoml.server.front import Front
    from bentoml.server.generation import Generation
    from bentoml.server.routes import Route

# When the server goes down, a connection that was busy this recently may still send a request, and gets its answer.
LINGER_S = 1.0
# The event loop has read by then what has come.
_UNREAD_S = 0.02
# A connection with this many requests that wait for their turn is not read. With fewer it is, because only then the
# client's leaving is seen at once.
MAX_PIPELINED = 16


class FrontProtocol(ReadingProtocol):
    """One client connection.

    Args:
        front: what all connections share.
        **uvicorn_arguments: `config`, `server_state`, `app_state`.
    """

    _front: Front

    def __init__(self, front: Front, **uvicorn_arguments: Any) -> None:
        super().__init__(front, **uvicorn_arguments)
        self._client_text = ""
        # The request that is being answered.
        self._turn: Any = None
        self._is_held = False
        self.idle_since_s = self.loop.time()

    # -- connection ---------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Keep the peer's address as text, once per connection."""
        super().connection_made(transport)
        if self.client is not None and self.client[0].startswith("::ffff:"):
            # An IPv4 client of a socket for both kinds.
            self.client = (self.client[0][7:], self.client[1])
        self._client_text = self.client[0] if self.client else ""
        if self._front.draining:
            self.shutdown()

    def connection_lost(self, exc: Exception | None) -> None:
        """Take the calls of a client that left out of the queue."""
        left = {self._turn, self.cycle, *(queued for queued, _ in self.pipeline)} - {None}
        for cycle in left:
            if cycle.response_complete and not isinstance(cycle, FastCall):
                continue
            self._cancel(cycle)
        self.pipeline.clear()
        super().connection_lost(exc)
        # What the last request brought along is not kept until the garbage collector finds the circle.
        self.cycle = self._turn = None

    def _cancel(self, cycle: Any) -> None:
        """Take a request whose answer nobody waits for out of the queue."""
        cycle.disconnected = True
        if isinstance(cycle, FastCall):
            self._drop_body(cycle)
            cycle.dispatcher.cancel(cycle)
        else:
            cycle.message_event.set()
            call = accepted_call(cycle)
            if call is not None:
                call.dispatcher.cancel(call)

    def eof_received(self) -> bool | None:  # type: ignore[override]
        """The client has ended its sending: what it has asked is answered, and then the connection closes.

        Returns:
            Whether the connection stays open; with TLS it never does.
        """
        if self.has_ended:
            return True
        if self.scheme == "https" or self.is_lingering:
            return None
        if self._is_receiving:
            # The newest request will never be complete. Those before it are.
            if not (self.pipeline and self.pipeline[0][0] is self.cycle):
                return None
            self._cancel(self.pipeline.popleft()[0])
            self.cycle = self.pipeline[0][0] if self.pipeline else self._turn
        if self.is_idle() or (getattr(self._turn, "response_started", False) and not self._turn.chunked_encoding):
            # A stream without frames cannot ask whether the client is there.
            return None
        self.has_ended = self._is_unreadable = True
        self._is_receiving = self._is_at_boundary = False
        self.cycle.keep_alive = False
        self._front.leavers.watch(self)
        return True

    @property
    def is_read(self) -> bool:
        """Whether the event loop sees what the client does."""
        return not (self.flow.read_paused or self.has_ended)

    def question(self) -> bytes:
        """What can be sent now without a meaning to the client, so that one that is gone refuses it; else nothing."""
        turn = self._turn
        if turn is None or turn.response_complete:
            return b""
        if isinstance(turn, FastCall) or not turn.response_started:
            return b"" if self._is_of_1_0 else CONTINUE
        return LEADING_ZERO if turn.chunked_encoding else b""

    @property
    def has_asked(self) -> bool:
        """Whether a request has ever come."""
        return self.cycle is not None

    def is_idle(self) -> bool:
        """Whether no request is being received or answered."""
        return not self.pipeline and (self.cycle is None or self.cycle.response_complete)

    def awaits(self, generation: Generation) -> bool:
        """Whether a request that belongs to a generation is not answered yet."""
        cycles = {self._turn, self.cycle, *(queued for queued, _ in self.pipeline)} - {None}
        return any(
            cycle.dispatcher is generation.dispatcher and not cycle.response_complete
            for cycle in cycles
            if isinstance(cycle, FastCall)
        ) or any(app is generation.application and not isinstance(cycle, FastCall) for cycle, app in self.pipeline)

    def shutdown(self) -> None:
        """Go down after the answers that are due, and after a moment for a request that may be on its way."""
        if not self.is_idle():
            self.cycle.keep_alive = False
            return
        self.loop.call_at(max(self.idle_since_s + LINGER_S, self.loop.time()), self._close_if_idle)

    def _close_if_idle(self) -> None:
        if not self.is_idle():
            return
        if self.has_unread():
            self.loop.call_later(_UNREAD_S, self._close_if_idle)
        else:
            self.transport.close()

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
        call = FastCall(self, front.dispatcher, head, request_id, self._client_text, keep_alive=not front.draining)
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
        self.app = self._front.application
        super().begin()
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

    def forget(self, request: Any, status: int) -> None:
        """Let go of a request whose body broke off, or came too slowly; it is refused with this status."""
        reason = EARLY_REASONS.get(status, "malformed")
        if isinstance(request, FastCall):
            self._drop_body(request)
            request.settle(Outcome.REFUSED, status, reason=reason)
        elif (call := accepted_call(request)) is not None:
            call.settle(Outcome.REFUSED, status, reason=reason)
            call.conclude()

    def _drop_body(self, call: FastCall) -> None:
        call.chunks = None
        self._front.arriving.give_back(call.arriving_bytes)
        call.arriving_bytes = 0

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
        if call.has_turn and not call.response_complete:
            call.dispatcher.submit(call)

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
            self._client_text,
            keep_alive=parser.should_keep_alive() and parser.get_http_version() != "1.0" and not self._front.draining,
        )
        call.is_plain = self._is_plain
        if not call.keep_alive and parser.get_http_version() == "1.0":
            self._is_of_1_0 = True
        self._enqueue(call)
        if self._content_length > self._front.options.max_request_size_bytes:
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
            self.send_refusal(cycle.status, cycle.text)
        else:
            self._turn = cycle
            self._start_asgi_task(cycle, app)
