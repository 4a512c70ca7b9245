"""One request on its way to a handler, and answers on their way back."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from bentoml._http.security_headers import NOT_KEPT
from bentoml.exceptions import InvalidArgument
from bentoml.yatai.server.errors import RequestRefused
from bentoml.yatai.server.routes import JSON

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

    from bentoml.yatai.local import LocalRegistry
    from bentoml.yatai.server.core import Core
    from bentoml.yatai.server.roles import Principal
    from bentoml.yatai.server.routes import Route


@dataclass
class Call:
    """One request, checked.

    Attributes:
        core: what all requests share.
        route: the row of the table.
        request: as it came.
        principal: who asks.
        query: values of the parameters behind the `?`.
        body: the JSON body as the type of the route; None where the handler reads it, or there is none.
        form: fields of a form that a page has sent.
    """

    core: Core
    route: Route
    request: Request
    principal: Principal
    query: dict[str, Any] = field(default_factory=dict)
    body: Any = None
    form: dict[str, str] = field(default_factory=dict)

    def path(self, name: str) -> str:
        """A part of the path."""
        text: str = self.request.path_params[name]
        if "\0" in text:
            raise InvalidArgument(f"the {name} in the path holds a NUL character; leave it out")
        return text

    @property
    def client(self) -> str:
        """Address of the peer; empty for one without."""
        return self.request.client.host if self.request.client else ""

    @property
    def registry(self) -> LocalRegistry:
        """The registry, which writes down who makes the changes."""
        return self.core.registry.acting_as(self.principal.name)

    async def whole_body(self, media_type: str, what: str, limit_bytes: int, *, untold: str = "") -> bytes:
        """The body, once all of it has come.

        Args:
            media_type: that it must have.
            what: it is, for the text of a refusal, such as `JSON`.
            limit_bytes: the most that is taken.
            untold: media type of a body that does not say its own.

        Raises:
            RequestRefused: it is too large, or something else.
        """
        given = self.request.headers.get("content-type", untold)
        if given.partition(";")[0].strip().lower() != media_type:
            raise RequestRefused(415, f"The body must be {what}; send it with Content-Type: {media_type}")
        body = bytearray()
        async for piece in self.pieces(limit_bytes):
            body += piece
        return bytes(body)

    async def pieces(self, limit_bytes: int) -> AsyncIterator[bytes]:
        """The body as it comes.

        Args:
            limit_bytes: the most that is taken.

        Raises:
            RequestRefused: there is more.
        """
        announced = self.request.headers.get("content-length")
        if announced is not None and int(announced) > limit_bytes:
            raise too_large(limit_bytes)
        received = 0
        async for piece in self.request.stream():
            received += len(piece)
            if received > limit_bytes:
                raise too_large(limit_bytes)
            if piece:
                yield piece


def too_large(limit_bytes: int) -> RequestRefused:
    """The refusal of a body."""
    return RequestRefused(413, f"The body is too large; this takes at most {limit_bytes} bytes")


async def read_document(call: Call, kind: type[msgspec.Struct]) -> Any:
    """The JSON body of a call.

    Raises:
        RequestRefused: it is too large, or says that it is no JSON.
        InvalidArgument: it is not what it should be.
    """
    limit_bytes = call.core.uploads.max_document_bytes if call.route.has_tree else call.core.options.max_document_bytes
    body = await call.whole_body(JSON, "JSON", limit_bytes, untold=JSON)
    # A document of some megabytes takes a moment.
    decode = partial(msgspec.json.decode, body, type=kind)
    try:
        return decode() if len(body) < 65536 else await run_in_threadpool(decode)
    except msgspec.ValidationError as error:
        raise InvalidArgument(f"The body is not what this takes: {error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidArgument(f"The body is no JSON: {error}") from error


async def answer_of(call: Call) -> Response:
    """Run the handler of a call, and make an answer of what it returns."""
    handler = call.route.handler
    result = await handler(call) if inspect.iscoroutinefunction(handler) else await run_in_threadpool(handler, call)
    if isinstance(result, Response):
        return result
    if result is None:
        return Response(status_code=204, headers=NOT_KEPT)
    content = msgspec.json.encode(result)
    return Response(content, call.route.status, {**NOT_KEPT, "content-type": "application/json"})
