"""The ASGI lane of inference: every request for an API route that the fast lane does not take."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from bentoml.server.call import REFUSALS, TEXT_HEAD, UNSIZED, Call
from bentoml.server.heads import RequestHead
from bentoml.server.request_ids import request_id_of
from bentoml.server.stream_client import CONNECTION
from bentoml.server.stream_relay import CLIENT_LEFT, StreamRelay

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import Receive, Scope, Send

    from bentoml.server.arriving import Arriving
    from bentoml.server.dispatch import Dispatcher
    from bentoml.server.routes import Route
    from bentoml.server.stream_client import StreamClient
    from bentoml.server.stream_inlet import Inlet


class AsgiCall(Call):
    """A call whose answer is awaited."""

    __slots__ = ("answered", "inlet")

    def __init__(self, head: RequestHead, request_id: str, client: str) -> None:
        super().__init__(head, request_id, client)
        self.answered: asyncio.Future[tuple[int, bytes, bytes]] = asyncio.get_running_loop().create_future()
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


class InferenceApp:
    """ASGI application for the API routes.

    Args:
        routes: by decoded path; the mapping is looked at on each request.
        dispatcher: runs the calls.
        max_request_size_bytes: largest body.
        arriving: counts the bodies that are not complete.
    """

    def __init__(
        self, routes: Mapping[str, Route], dispatcher: Dispatcher, max_request_size_bytes: int, arriving: Arriving
    ) -> None:
        self._routes = routes
        self._dispatcher = dispatcher
        self._max_request_size_bytes = max_request_size_bytes
        self._arriving = arriving

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        route = self._routes[scope["path"]]
        method = scope["method"]
        effective = "GET" if method == "HEAD" else method
        request_id = request_id_of(_header(scope, b"x-request-id"))
        if effective not in route.methods:
            answer = _answer_without_worker(route, method)
            route.counters["POST"].started()
            route.counters["POST"].finished(answer[0], 0.0)
        else:
            headers = list(scope["headers"])
            declared = int(dict(headers).get(b"content-length", b"0"))
            head = RequestHead(route, effective, scope["query_string"].decode("latin-1"), headers, declared)
            call = AsgiCall(head, request_id, scope["client"][0] if scope.get("client") else "")
            outcome = await self._run(call, receive)
            if outcome is None:
                return
            answer = outcome
            if call.inlet is not None:
                await self._stream(call, call.inlet, scope, receive, send)
                return
        await _send(send, *answer, request_id)

    async def _run(self, call: AsgiCall, receive: Receive) -> tuple[int, bytes, bytes] | None:
        """Run a call to its answer; None when the client has left."""
        body: bytes | int | None = 413
        if call.head.content_length <= self._max_request_size_bytes:
            body = await self._read_body(receive)
        if isinstance(body, int):
            call.counters.started()
            call.counters.finished(body, 0.0)
            head = b"%bretry-after: 1\r\n" % TEXT_HEAD if body == 429 else TEXT_HEAD
            return body, head, REFUSALS[body]
        if body is None:
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
        failure = CLIENT_LEFT
        status, head, _ = call.answered.result()
        try:
            client: StreamClient = scope["state"][CONNECTION]()
            await send(_start(status, head, call.request_id))
            if scope["method"] == "HEAD":
                await send({"type": "http.response.body", "body": b""})
                failure = 0
            else:
                relay = StreamRelay(inlet, client, call.head.route.policy.max_latency_s, call.request_id)
                failure = await relay.run(receive, send)
        finally:
            self._dispatcher.finish_stream(call, failure or status)

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


def _answer_without_worker(route: Route, method: str) -> tuple[int, bytes, bytes]:
    """The answer to a method that the route does not take."""
    if not route.methods:
        return 503, b"%bretry-after: 1\r\n" % TEXT_HEAD, REFUSALS[503]
    allow = ", ".join(sorted({*route.methods, "OPTIONS"} | ({"HEAD"} if "GET" in route.methods else set())))
    head = TEXT_HEAD + f"allow: {allow}\r\n".encode("ascii")
    if method == "OPTIONS":
        return 200, head, b""
    return 405, head, f"Method {method} is not allowed here; allowed: {allow}".encode()


def _header(scope: Scope, wanted: bytes) -> bytes | None:
    for name, value in scope["headers"]:
        if name == wanted:
            found: bytes = value
            return found
    return None


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
