"""Hands a request on to the server of the bundle, and its answer back, both as they are: bytes, status and headers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from bentoml._util.optional import require

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import Receive, Scope, Send

    from bentoml.deploy.ray.bundle_server import BundleServer

LARGE_BYTES = 1 << 20
"""A body of this size is sent once the server has said that it takes it."""
_OF_CONNECTION = frozenset({b"connection", b"keep-alive", b"transfer-encoding", b"upgrade", b"te", b"proxy-connection"})
# The proxy of Ray writes these itself.
_OF_PROXY = frozenset({b"date", b"server", b"x-request-id"})
_GONE = b"The server of this replica is gone; ask again."


class ClientHasLeft(Exception):  # noqa: N818 - nothing has gone wrong here
    """The client has left before the end of its request."""


class Relay(Response):
    """The answer of the server to a request.

    Args:
        server: answers.
        prefix: of the path, which the server does not see.
    """

    def __init__(self, server: BundleServer, prefix: str) -> None:
        super().__init__()
        self._server = server
        self._prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Ask the server, and send what it answers."""
        aiohttp = require("aiohttp")
        try:
            request = await _request_of(scope, receive)
        except ClientHasLeft:
            return
        has_begun = False
        try:
            async with self._server.session.request(scope["method"], self._url(scope), **request) as answer:
                headers = [pair for pair in _lower(answer.raw_headers) if pair[0] not in _OF_CONNECTION | _OF_PROXY]
                has_begun = True
                await send({"type": "http.response.start", "status": answer.status, "headers": headers})
                async for piece in answer.content.iter_any():
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        except ClientHasLeft:
            return
        except (aiohttp.ClientError, OSError) as error:
            if isinstance(error.__cause__, ClientHasLeft):
                return
            if has_begun:
                raise
            gone = Response(_GONE, 503, {"retry-after": "1"}, "text/plain")
            await gone(scope, receive, send)

    def _url(self, scope: Scope) -> Any:
        path = scope.get("raw_path") or scope["path"].encode()
        prefix = self._prefix.rstrip("/").encode()
        path = path.removeprefix(prefix) or b"/"
        query = b"?" + scope["query_string"] if scope["query_string"] else b""
        return require("yarl").URL(f"http://bundle{(path + query).decode('latin-1')}", encoded=True)


async def _request_of(scope: Scope, receive: Receive) -> dict[str, Any]:
    """What aiohttp has to be told beside method and URL.

    Raises:
        ClientHasLeft: the body ends before its end.
    """
    headers = [
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, value in _lower(scope["headers"])
        if name not in _OF_CONNECTION and name != b"expect"
    ]
    # The server takes whoever is on its socket for a user of its machine, unless a proxy names another one.
    headers.append(("x-forwarded-for", (scope.get("client") or ["unknown"])[0]))
    length = int(dict(headers).get("content-length", "0"))
    has_no_length = any(name.lower() == b"transfer-encoding" for name, _ in scope["headers"])
    if not length and not has_no_length:
        return {"headers": headers, "allow_redirects": False}
    first = await receive()
    if first["type"] == "http.disconnect":
        raise ClientHasLeft
    body: Any = first.get("body", b"")
    is_whole = not first.get("more_body", False)
    if not is_whole:
        body = _pieces(body, receive)
    must_ask = not is_whole and (has_no_length or length >= LARGE_BYTES)
    return {"headers": headers, "data": body, "allow_redirects": False, "expect100": must_ask}


async def _pieces(first: bytes, receive: Receive) -> AsyncIterator[bytes]:
    yield first
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientHasLeft
        if message.get("body"):
            yield message["body"]
        if not message.get("more_body", False):
            return


def _lower(headers: Any) -> list[tuple[bytes, bytes]]:
    return [(name.lower(), value) for name, value in headers]
