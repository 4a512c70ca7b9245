"""The door of our own endpoints: an error inside becomes an answer and a line in the log, under one request id."""

from __future__ import annotations

import logging
import traceback
from typing import TYPE_CHECKING

from bentoml._http.loopback import may_see_tracebacks
from bentoml._http.request_ids import request_id_of
from bentoml.server.http.asgi_headers import first_value
from bentoml.server.http.call import REFUSALS
from bentoml.server.http.error_form import is_model_path, json_error, model_error, wants_json

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from bentoml.server.options.serve_options import ServeOptions

logger = logging.getLogger(__name__)

_TEXT = b"text/plain"
# Other errors have bodies that clients match on, but for those of the Open Inference Protocol.
_REWRITTEN = frozenset({401, 404, 405, 500, 503})


class ErrorDoor:
    """An ASGI application around another one.

    Its errors get the form that the client wants; an exception is answered 500, and logged with its traceback.

    Args:
        app: the application.
        options: whether tracebacks are shown, and where the server listens.
    """

    def __init__(self, app: ASGIApp, options: ServeOptions) -> None:
        self._app = app
        self._options = options

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _Answer(scope, send, is_of_model=self._options.open_inference_enabled and is_model_path(scope["path"]))
        try:
            await self._app(scope, receive, answer.take)
        except Exception as error:
            request_id = answer.request_id
            logger.exception("Request %s (%s %r) failed in the server", request_id, scope["method"], scope["path"])
            if answer.has_begun:
                raise
            shown = "".join(traceback.format_exception(error)) if self._shows_traceback(scope) else None
            await answer.end(500, REFUSALS[500].decode(), [], shown)
        else:
            await answer.flush()

    def _shows_traceback(self, scope: Scope) -> bool:
        if not self._options.debug:
            return False
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
        client = scope["client"][0] if scope.get("client") else ""
        return may_see_tracebacks(client, headers, on_unix_socket=self._options.uds is not None)


class _Answer:
    """An answer on its way; an error is kept back until it is clear that it is whole.

    Attributes:
        has_begun: whether something of it was sent.
    """

    def __init__(self, scope: Scope, send: Send, *, is_of_model: bool) -> None:
        self._scope = scope
        self._is_of_model = is_of_model
        self._send = send
        self._kept: list[Message] = []
        self._given_id = first_value(scope["headers"], b"x-request-id")
        self._request_id: str | None = None
        self.has_begun = False

    @property
    def request_id(self) -> str:
        """The id of the request."""
        if self._request_id is None:
            self._request_id = request_id_of(self._given_id)
        return self._request_id

    async def take(self, message: Message) -> None:
        """Take what the application sends."""
        if self._kept or (
            not self.has_begun
            and message["type"] == "http.response.start"
            and (message["status"] >= 400 if self._is_of_model else message["status"] in _REWRITTEN)
        ):
            self._kept.append(message)
        else:
            self.has_begun = True
            await self._send(message)

    async def flush(self) -> None:
        """Send what was kept back, in the form that the client wants."""
        kept, self._kept = self._kept, []
        if not kept:
            return
        start = kept[0]
        body = b"".join(message.get("body", b"") for message in kept[1:])
        content_type = first_value(start["headers"], b"content-type") or b""
        is_ours = content_type.startswith(_TEXT) and body != REFUSALS[503]
        if is_ours and (self._is_of_model or wants_json(self._scope["headers"])):
            await self.end(start["status"], body.decode(), start["headers"])
            return
        self.has_begun = True
        for message in kept:
            await self._send(message)

    async def end(
        self, status: int, message: str, headers: list[tuple[bytes, bytes]], shown_traceback: str | None = None
    ) -> None:
        """Send an error in the form that the client wants."""
        self._kept = []
        self.has_begun = True
        kept = [(name, value) for name, value in headers if name not in {b"content-length", b"content-type"}]
        if self._is_of_model:
            content_type = b"application/json"
            body = model_error(message if shown_traceback is None else f"{message}\n\n{shown_traceback}")
        elif wants_json(self._scope["headers"]):
            content_type = b"application/json"
            body = json_error(status, message, self.request_id, shown_traceback)
        else:
            content_type = b"text/plain; charset=utf-8"
            body = (message if shown_traceback is None else f"{message}\n\n{shown_traceback}").encode()
        own = [
            (b"content-length", str(len(body)).encode("ascii")),
            (b"content-type", content_type),
            (b"x-request-id", self.request_id.encode("ascii")),
        ]
        await self._send({"type": "http.response.start", "status": status, "headers": [*kept, *own]})
        await self._send({"type": "http.response.body", "body": body})
