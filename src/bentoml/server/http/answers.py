"""Answers on their way to the front: status, header lines and body.

Each is made on its own, so that one that cannot be sent never takes the others of its batch along.
"""

from __future__ import annotations

import json
import logging
import re
from typing import TYPE_CHECKING

from bentoml._util.bounded_memo import BoundedMemo
from bentoml.exceptions import BentoMLException
from bentoml.server.http.call import TEXT_HEAD

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bentoml.types import HTTPHeaders, HTTPResponse

logger = logging.getLogger(__name__)

_MAX_KEPT_HEADS = 512
_MAX_KEPT_HEAD_BYTES = 1024
_heads: BoundedMemo[tuple[tuple[str, str], ...], bytes] = BoundedMemo(_MAX_KEPT_HEADS)

Answer = tuple[int, bytes, bytes]

_INTERNAL_ERROR = (
    b"An error has occurred in BentoML user code when handling this request, find the error details in server logs"
)
_FAILURE: Answer = (500, TEXT_HEAD, _INTERNAL_ERROR)
# Of a call that was cancelled: by the front, and then nobody waits for it, or by the user's own code.
CANCELLED = _FAILURE
_is_header_name = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+").fullmatch
_is_header_value = re.compile(rb"[\t\x20-\x7e\x80-\xff]*").fullmatch
# The front writes these itself.
_FRONT_HEADERS = frozenset({"connection", "content-length", "date", "transfer-encoding", "x-request-id"})
# Answers that have no body by definition: a client would take one for the start of the next answer.
_BODYLESS = frozenset({204, 205, 304})


class _UnsendableError(ValueError):
    """Something in a response cannot be sent as it is."""


def encode_answers(api_name: str, responses: Sequence[HTTPResponse], request_ids: Sequence[str]) -> list[Answer]:
    """(status, head, body) of each response; 500 for one that cannot be sent."""
    try:
        return [_encode(response) for response in responses]
    except Exception:  # noqa: BLE001 - whatever it is, it is met and logged again below
        pairs = zip(responses, request_ids, strict=True)
        return [_encode_or_fail(api_name, response, request_id) for response, request_id in pairs]


def answer_to_failure(
    api_name: str, error: BaseException, request_ids: Sequence[str], *, is_logged: bool = True
) -> Answer:
    """The answer after an error outside of the user function, for all requests that it concerns."""
    if is_logged:
        shown = ", ".join(request_ids)
        logger.error("API %s failed outside of its function, on request %s", api_name, shown, exc_info=error)
    if not isinstance(error, BentoMLException) or not 400 <= error.status_code <= 599:
        return _FAILURE
    if error.status_code < 500:
        message = {"message": f"BentoService error handling API request: {error}"}
        return int(error.status_code), b"content-type: application/json\r\n", json.dumps(message).encode()
    return int(error.status_code), TEXT_HEAD, b""


def _encode_or_fail(api_name: str, response: HTTPResponse, request_id: str) -> Answer:
    """Encode what can be sent of a response; the log says what cannot, and why."""
    try:
        return _encode(response, render_head(response.headers, request_id))
    except _UnsendableError as error:
        logger.error("The answer of API %s to request %s: %s", api_name, request_id, error)  # noqa: TRY400 - says it all
        return _FAILURE
    except Exception:
        logger.exception("The answer of API %s to request %s cannot be sent", api_name, request_id)
        return _FAILURE


def _encode(response: HTTPResponse, head: bytes | None = None) -> Answer:
    """Encode a response; its headers too, unless they are given.

    Raises:
        _UnsendableError: the status or a header cannot be sent.
    """
    status = response.status
    if not 200 <= status <= 599:
        raise _UnsendableError(f"the response status {status!r} is not one of HTTP; sent 500 instead")
    body = b"" if status in _BODYLESS else response.body
    if head is None:
        head = _head_of(response.headers)
    return int(status), head, body if type(body) is bytes else bytes(memoryview(body))


def _head_of(headers: HTTPHeaders) -> bytes:
    """`render_head`, but what the same headers gave before is looked up."""
    pairs = headers.to_json()
    try:
        head = _heads.get(pairs)
    except TypeError:  # a value that user code has made of something odd
        return render_head(headers)
    if head is None:
        head = render_head(headers)
        if len(head) <= _MAX_KEPT_HEAD_BYTES and all(type(value) is str for _, value in pairs):
            _heads.keep(pairs, head)
    return head


def render_head(headers: HTTPHeaders, request_id: str | None = None) -> bytes:
    """Response headers as a block of lines.

    Args:
        headers: of the response.
        request_id: when given, what could not stand in a head is left out, and the log says so.

    Raises:
        _UnsendableError: one of them could not stand in it, and there is no `request_id`.
    """
    lines: list[bytes] = []
    for name, value in headers.to_json():
        lowered = name.lower()
        if lowered in _FRONT_HEADERS:
            continue
        # User code is not type-checked: numbers are common as values.
        raw_name = lowered.encode("latin-1", "replace")
        raw_value = b"\n" if value is None else str(value).encode("utf-8", "backslashreplace")
        if _is_header_name(raw_name) and _is_header_value(raw_value):
            lines.append(b"%b: %b\r\n" % (raw_name, raw_value))
        elif request_id is None:
            raise _UnsendableError(f"the response header {name!r} cannot be sent")
        else:
            logger.error(
                "The response header %r was left out of the answer to request %s: its name or value cannot be sent",
                name,
                request_id,
            )
    return b"".join(lines)
