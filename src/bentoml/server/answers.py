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
from bentoml.server.call import TEXT_HEAD

if TYPE_CHECKING:
    from collections.abc import Iterable

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


def encode_answers(api_name: str, responses: Iterable[HTTPResponse]) -> list[Answer]:
    """(status, head, body) of each response; 500 for one that cannot be sent."""
    return [_encode_or_fail(api_name, response) for response in responses]


def answer_to_failure(api_name: str, error: BaseException, *, is_logged: bool = True) -> Answer:
    """The answer after an error outside of the user function."""
    if is_logged:
        logger.error("API %s failed outside of its function", api_name, exc_info=error)
    if not isinstance(error, BentoMLException) or not 400 <= error.status_code <= 599:
        return _FAILURE
    if error.status_code < 500:
        message = {"message": f"BentoService error handling API request: {error}"}
        return int(error.status_code), b"content-type: application/json\r\n", json.dumps(message).encode()
    return int(error.status_code), TEXT_HEAD, b""


def _encode_or_fail(api_name: str, response: HTTPResponse) -> Answer:
    try:
        return _encode(response)
    except Exception:
        logger.exception("An answer of API %s cannot be sent", api_name)
        return _FAILURE


def _encode(response: HTTPResponse) -> Answer:
    status = response.status
    if not 200 <= status <= 599:
        logger.error("The response status %r is not one of HTTP; sent 500 instead", status)
        return _FAILURE
    body = b"" if status in _BODYLESS else response.body
    return int(status), _head_of(response.headers), body if type(body) is bytes else bytes(memoryview(body))


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


def render_head(headers: HTTPHeaders) -> bytes:
    """Response headers as a block of lines; what could not stand in one is left out with a log line."""
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
        else:
            logger.error("The response header %r was left out: its name or value cannot be sent", name)
    return b"".join(lines)
