"""The ASGI lane of inference: every request for an API route that the fast lane does not take."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from bentoml._http.request_ids import request_id_of
from bentoml.server.front.endpoints import is_own
from bentoml.server.http.asgi_headers import first_value
from bentoml.server.http.call import REFUSALS, TEXT_HEAD, UNSIZED, Call
from bentoml.server.http.error_form import JSON_HEAD, json_error, model_error, wants_json
from bentoml.server.http.heads import RequestHead
from bentoml.server.scheduling.ledger import EARLY_REASONS, Outcome
from bentoml.server.streams.stream_client import CONNECTION
from bentoml.server.streams.stream_relay import CLIENT_LEFT, StreamRelay

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, MutableMapping

    from starlette.types import Receive, Scope, Send

    from bentoml.server.front.auth import Gate
    from bentoml.server.front.dispatch import Dispatcher
    from bentoml.server.front.routes import Route
    from bentoml.server.http.arriving import Arriving
    from bentoml.server.streams.stream_client import StreamClient
    from bentoml.server.streams.stream_inlet import Inlet

logger = logging.getLogger(__name__)

# Where the scope of a request keeps its call, under `state`.
_CALL = "bentoml.call"
# Set there when a request for no API was refused before its body was complete.
REFUSED = "bentoml.refused"


class AsgiCall(Call):
    """A call whose answer is awaited. Its outcome is entered once that answer is written, or the client has left."""

    __slots__ = ("_end", "answered", "dispatcher", "has_begun", "inlet")

    def __init__(self, dispatcher: Dispatcher, head: RequestHead, request_id: str, client: str) -> None:
        super().__init__(head, request_id, client)
        self.dispatcher = dispatcher
        self._end: tuple[Outcome, int, float, str] = (Outcome.FAILED, 500, 0.0, "error")
        self.answered: asyncio.Future[tuple[int, bytes, bytes]] = asyncio.get_running_loop().create_future()
        # Whether something of the answer may have been written.
        self.has_begun = False
        # Where the rest of the answer comes, when it comes in pieces.
        self.inlet: Inlet | None = None

    def answer(self, status: int, head: bytes, body: bytes) -> None:
        """Hand the answer to the waiting task."""
        if not self.answered.done():
            self.answered.set_result((status, head, body))

    def begin(self, status: int, head: bytes, inlet: Inlet) -> None:
        """Hand the head of an answer in pieces to the waiting task."""
        self.inlet = inlet
        self.answer(status, head, b"")

    def settle(self, outcome: Outcome, status: int, duration_s: float = 0.0, reason: str = "") -> None:
        """Keep the outcome for `conclude`; a client that has left gets no answer any more."""
        self._end = (outcome, status, duration_s, reason)
        if outcome is Outcome.CANCELLED:
            self.conclude()

    def conclude(self) -> None:
        """Enter the outcome."""
        super().settle(*self._end)


def accept(routes: Mapping[str, Route], dispatcher: Dispatcher, scope: MutableMapping[str, Any]) -> None:
    """Enter a request whose head has come, if it is for an API; `InferenceApp` runs it when it is its turn.

    Args:
        routes: by decoded path.
        dispatcher: runs their calls.
        scope: of the request; it keeps the call.
    """
    route = routes.get(scope["path"])
    if route is None or is_own(scope):
        return
    method = "GET" if scope["method"] == "HEAD" else scope["method"]
    headers = list(scope["headers"])
    declared = int(dict(headers).get(b"content-length", b"0"))
    query = scope["query_string"].decode("latin-1")
    head = RequestHead(route, method if method in route.counters else "POST", query, headers, declared)
    head.method = scope["method"]
    request_id = request_id_of(first_value(scope["headers"], b"x-request-id"))
    client = scope["client"][0] if scope.get("client") else ""
    scope["state"][_CALL] = AsgiCall(dispatcher, head, request_id, client)


def is_accepted(scope: Scope) -> bool:
    """Whether `accept` has entered a request."""
    return _CALL in scope.get("state", {})


def accepted_call(cycle: Any) -> AsgiCall | None:
    """The call of one of uvicorn's cycles; None when it is something else, or its request is for no API."""
    if not isinstance(cycle, RequestResponseCycle):
        return None
    call: AsgiCall | None = cycle.scope["state"].get(_CALL)
    return call


def enter_answer_without_worker(scope: Scope) -> None:
    """Enter a request that was answered before it came here, if it is for an API."""
    call: AsgiCall | None = scope.get("state", {}).get(_CALL)
    if call is not None:
        call.settle(*_WITHOUT_WORKER[200])
        call.conclude()


class InferenceApp:
    """ASGI application for the API routes.

    Args:
        dispatcher: runs the calls.
        max_request_size_bytes: largest body.
        arriving: counts the bodies that are not complete.
        gate: lets requests in; None lets all in.
    """

    def __init__(
        self, dispatcher: Dispatcher, max_request_size_bytes: int, arriving: Arriving, gate: Gate | None = None
    ) -> None:
        self._dispatcher = dispatcher
        self._max_request_size_bytes = max_request_size_bytes
        self._arriving = arriving
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request that was accepted."""
        call: AsgiCall = scope["state"][_CALL]
        try:
            await self._answer(call, scope, receive, send)
        except Exception:
            logger.exception("Request %s failed in the server", call.request_id)
            call.settle(Outcome.FAILED, 500, reason="error")
            if call.has_begun:
                raise
            head, body = call.refusal_of(500)
            call.sent_bytes = len(body)
            await _send(send, 500, head, body, call.request_id)
        finally:
            call.conclude()

    async def _answer(self, call: AsgiCall, scope: Scope, receive: Receive, send: Send) -> None:
        route, method = call.head.route, scope["method"]
        if ("GET" if method == "HEAD" else method) in route.methods:
            answer = await self._run(call, scope["headers"], receive)
        else:
            answer = _answer_without_worker(route, method, scope["headers"], call.request_id)
            call.settle(*_WITHOUT_WORKER[answer[0]])
        if call.inlet is not None and answer is not None:
            await self._stream(call, call.inlet, scope, receive, send)
        elif answer is not None:
            call.has_begun = True
            call.sent_bytes = 0 if method == "HEAD" else len(answer[2])
            await _send(send, *answer, call.request_id)

    async def _run(
        self, call: AsgiCall, headers: list[tuple[bytes, bytes]], receive: Receive
    ) -> tuple[int, bytes, bytes] | None:
        """Run a call to its answer; None when the client has left."""
        body: bytes | int | None
        if self._gate is not None and not self._gate.admits(headers):
            body = 401
        elif call.head.content_length > self._max_request_size_bytes:
            body = 413
        else:
            body = await self._read_body(receive)
        if isinstance(body, int):
            call.settle(Outcome.REFUSED, body, reason=EARLY_REASONS[body])
            head, text = call.refusal_of(body)
            return body, b"%bretry-after: 1\r\n" % head if body == 429 else head, text
        if body is None:
            self._dispatcher.cancel(call)
            return None
        call.body = body
        self._dispatcher.submit(call)
        leaving: asyncio.Future[Any] = asyncio.ensure_future(receive())
        try:
            futures: set[asyncio.Future[Any]] = {call.answered, leaving}
            await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
        finally:
            leaving.cancel()
            if not call.answered.done():
                self._dispatcher.cancel(call)
        return call.answered.result() if call.answered.done() else None

    async def _stream(self, call: AsgiCall, inlet: Inlet, scope: Scope, receive: Receive, send: Send) -> None:
        """Write an answer that has begun, and comes in pieces."""
        status, head, _ = call.answered.result()

        def finish(failure: int) -> None:
            outcome = Outcome.CANCELLED if failure == CLIENT_LEFT else Outcome.FAILED if failure else Outcome.ANSWERED
            call.sent_bytes = relay.sent_bytes if relay is not None else 0
            self._dispatcher.finish_stream(call, outcome, failure or status)
            # At once: what the connection's end would be taken for comes later.
            call.conclude()

        relay: StreamRelay | None = None
        client: StreamClient = scope["state"][CONNECTION]()
        call.has_begun = True
        await send(_start(status, head, call.request_id))
        if scope["method"] == "HEAD":
            await send({"type": "http.response.body", "body": b""})
            finish(0)
        else:
            limit_s = call.head.route.policy.max_latency_s
            relay = StreamRelay(inlet, client, limit_s, call.request_id, finish)
            await relay.run(receive, send)

    async def _read_body(self, receive: Receive) -> bytes | int | None:
        """The whole body; the status to refuse it with; or None when the client left before its end."""
        chunks: list[bytes] = []
        size_bytes = counted_bytes = 0
        try:
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return None
                chunk = message.get("body", b"")
                size_bytes += len(chunk)
                if size_bytes > self._max_request_size_bytes:
                    return 413
                if chunks:
                    if not self._arriving.take(len(chunk)):
                        return 429
                    counted_bytes += len(chunk)
                chunks.append(chunk)
                if not message.get("more_body", False):
                    return b"".join(chunks)
        finally:
            self._arriving.give_back(counted_bytes)


# What becomes of a request that no worker is asked about, by status.
_WITHOUT_WORKER = {
    200: (Outcome.ANSWERED, 200, 0.0, ""),
    405: (Outcome.REFUSED, 405, 0.0, "method"),
    503: (Outcome.REFUSED, 503, 0.0, "no_worker"),
}


def _answer_without_worker(
    route: Route, method: str, headers: Iterable[tuple[bytes, bytes]], request_id: str
) -> tuple[int, bytes, bytes]:
    """The answer to a method that the route does not take."""
    if not route.methods:
        return 503, b"%bretry-after: 1\r\n" % TEXT_HEAD, REFUSALS[503]
    allow = ", ".join(sorted({*route.methods, "OPTIONS"} | ({"HEAD"} if "GET" in route.methods else set())))
    allowing = f"allow: {allow}\r\n".encode("ascii")
    if method == "OPTIONS":
        return 200, TEXT_HEAD + allowing, b""
    message = f"Method {method} is not allowed here; allowed: {allow}"
    if route.is_of_model:
        return 405, JSON_HEAD + allowing, model_error(message)
    if wants_json(headers):
        return 405, JSON_HEAD + allowing, json_error(405, message, request_id)
    return 405, TEXT_HEAD + allowing, message.encode()


async def _send(send: Send, status: int, head: bytes, body: bytes, request_id: str) -> None:
    await send(_start(status, head, request_id, None if status in UNSIZED else len(body)))
    await send({"type": "http.response.body", "body": body})


def _start(status: int, head: bytes, request_id: str, size_bytes: int | None = None) -> dict[str, Any]:
    """The message that starts an answer; the size of its body is left out when None."""
    headers: list[tuple[bytes, bytes]] = []
    for line in head.split(b"\r\n")[:-1]:
        name, _, value = line.partition(b": ")
        headers.append((name, value))
    if size_bytes is not None:
        headers.append((b"content-length", str(size_bytes).encode("ascii")))
    headers.append((b"x-request-id", request_id.encode("ascii")))
    return {"type": "http.response.start", "status": status, "headers": headers}
