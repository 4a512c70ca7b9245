"""Cross-origin requests: what tells a browser that a page of another origin may read an answer.

The lines are made once: which of them an answer gets is looked up by the origin of its request. An origin that is not
allowed gets its answer all the same, as HTTP clients do that are no browsers; the browser keeps it from the page.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bentoml._util.bounded_memo import BoundedMemo
from bentoml.server.front.inference_app import enter_answer_without_worker
from bentoml.server.http.asgi_headers import first_value
from bentoml.server.http.heads import MAX_KEPT, MAX_KEPT_BYTES
from bentoml.server.options.cors_options import ANY

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from bentoml.server.options.cors_options import CorsOptions

Pairs = list[tuple[bytes, bytes]]

_PREFIX = b"access-control-"
_ORIGIN = b"origin: "
_LATER_ORIGIN = b"\r\norigin: "
_VARY = (b"vary", b"origin")
_own_lines = re.compile(rb"^access-control-[^\r]*\r\n", re.MULTILINE)
# What a preflight asks for is sent back to it when everything is allowed.
_MAX_ECHOED_BYTES = 4096
_is_name_list = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z, \t]*").fullmatch


class Cors:
    """What answers say about cross-origin requests.

    Args:
        options: what is allowed.
    """

    def __init__(self, options: CorsOptions) -> None:
        self._options = options
        self._is_for_all = ANY in options.origins
        exposed = [(b"access-control-expose-headers", _joined(options.exposed))] if options.exposed else []
        allowed = {} if self._is_for_all else {origin.encode(): self._grant(origin) for origin in options.origins}
        # All that a browser may be told, by origin; the others get `_otherwise`.
        self._pairs: dict[bytes | None, Pairs] = {
            origin: [*grant, *exposed, _VARY] for origin, grant in allowed.items()
        }
        # What is the same for everybody is said to everybody, and may be kept by every cache on the way.
        self._otherwise: Pairs = [*self._grant(ANY), *exposed] if self._is_for_all else [_VARY]
        self._lines = {origin: _block(pairs) for origin, pairs in self._pairs.items()}
        self._other_lines = _block(self._otherwise)
        # By header lines of requests: those of known heads come again and again, as the same objects.
        self._known: BoundedMemo[bytes, bytes] = BoundedMemo(MAX_KEPT)

    def _grant(self, origin: str) -> Pairs:
        pairs = [(b"access-control-allow-origin", origin.encode())]
        if self._options.credentials:
            pairs.append((b"access-control-allow-credentials", b"true"))
        return pairs

    def head(self, request_fields: bytes, head: bytes) -> bytes:
        """The header lines of an answer, with those that this is about in front.

        Args:
            request_fields: header lines of the request, names in lower case.
            head: header lines of the answer.
        """
        if _PREFIX in head:
            head = _own_lines.sub(b"", head)
        if self._is_for_all:
            return self._other_lines + head
        lines = self._known.get(request_fields)
        if lines is None:
            lines = self._lines.get(_origin_in(request_fields), self._other_lines)
            if len(request_fields) <= MAX_KEPT_BYTES:
                self._known.keep(request_fields, lines)
        return lines + head

    def around(self, app: ASGIApp) -> ASGIApp:
        """An application that answers preflights and adds to the answers of `app` what `head` would."""

        async def cors_app(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            origin = first_value(scope["headers"], b"origin")
            if scope["method"] == "OPTIONS":
                pairs = self._preflight(origin, scope["headers"])
                if pairs is not None:
                    enter_answer_without_worker(scope)
                    await send({"type": "http.response.start", "status": 200, "headers": pairs})
                    await send({"type": "http.response.body", "body": b""})
                    return
            pairs = self._pairs.get(origin, self._otherwise)

            async def cors_send(message: Message) -> None:
                if message["type"] == "http.response.start":
                    own = [pair for pair in message.get("headers", ()) if not pair[0].lower().startswith(_PREFIX)]
                    message = {**message, "headers": [*pairs, *own]}
                await send(message)

            await app(scope, receive, cors_send)

        return cors_app

    def _preflight(self, origin: bytes | None, headers: Iterable[tuple[bytes, bytes]]) -> Pairs | None:
        """The headers of the answer to a preflight; None when it is none, or comes from an origin without leave."""
        method = first_value(headers, b"access-control-request-method")
        if origin is None or method is None or not (self._is_for_all or origin in self._pairs):
            return None
        options = self._options
        pairs = self._grant(ANY if self._is_for_all else origin.decode())
        wanted = first_value(headers, b"access-control-request-headers")
        for name, allowed, asked in (
            (b"access-control-allow-methods", options.methods, method),
            (b"access-control-allow-headers", options.headers, wanted),
        ):
            value = _joined(allowed)
            if ANY in allowed:
                # Sent back and not as a `*`, which would not cover `Authorization`, and nothing with credentials.
                value = asked if asked and len(asked) <= _MAX_ECHOED_BYTES and _is_name_list(asked) else b""
            if value:
                pairs.append((name, value))
        if options.max_age_s is not None:
            pairs.append((b"access-control-max-age", str(options.max_age_s).encode()))
        return [*pairs, (b"content-length", b"0"), *([] if self._is_for_all else [_VARY])]


def _joined(names: Iterable[str]) -> bytes:
    return ", ".join(names).encode()


def _block(pairs: Pairs) -> bytes:
    return b"".join([b"%b: %b\r\n" % pair for pair in pairs])


def _origin_in(fields: bytes) -> bytes | None:
    """The first `Origin` among header lines."""
    if fields.startswith(_ORIGIN):
        start = len(_ORIGIN)
    else:
        start = fields.find(_LATER_ORIGIN) + len(_LATER_ORIGIN)
        if start < len(_LATER_ORIGIN):
            return None
    return fields[start : fields.index(b"\r\n", start)]
