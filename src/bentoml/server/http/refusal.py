"""Answers to what could not be read as a request, or not to its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bentoml.server.http.call import TEXT_HEAD
from bentoml.server.http.error_form import JSON_HEAD, json_error, model_error, wants_json
from bentoml.server.http.fast_call import NO_EVENT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bentoml.server.logs.access_line import OtherTarget

# Of a 408 clients match on the body.
_IN_EITHER_FORM = frozenset({400, 417, 431})


class RefusalForm:
    """What a refusal says, before the id is known under which it does.

    Args:
        status: HTTP status.
        text: what happened, one sentence.
        headers: those that have been read of the request, names in lower case; they say which form the client wants.
        is_of_model: whether its path is one of the Open Inference Protocol.
    """

    __slots__ = ("_is_json", "_is_of_model", "_text", "status")

    def __init__(
        self, status: int, text: bytes, headers: Iterable[tuple[bytes, bytes]], *, is_of_model: bool = False
    ) -> None:
        self.status = status
        self._text = text
        self._is_of_model = is_of_model
        self._is_json = is_of_model or (status in _IN_EITHER_FORM and wants_json(headers))

    @property
    def head(self) -> bytes:
        """The header line that says what the body is."""
        return JSON_HEAD if self._is_json else TEXT_HEAD

    def body(self, request_id: str) -> bytes:
        """The body under an id."""
        if self._is_of_model:
            return model_error(self._text)
        return json_error(self.status, self._text.decode(), request_id) if self._is_json else self._text


class Refusal:
    """Stands in a connection's pipeline for bytes that are no request; nothing comes after it.

    Args:
        form: what it says.
        target: what it was about, as far as it is known; None when that request has its line in the access log.
        request_id: of the request, or a new one.
        client: address of whoever has sent it.
    """

    message_event = NO_EVENT
    response_complete = False

    def __init__(self, form: RefusalForm, target: OtherTarget | None, request_id: str, client: str) -> None:
        self.status = form.status
        self.head = form.head
        self.body = form.body(request_id)
        self.target = target
        self.request_id = request_id
        self.client = client
        self.keep_alive = False
        self.disconnected = False
