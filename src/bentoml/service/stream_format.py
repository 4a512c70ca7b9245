"""What a generator yields as chunks of an answer: text and bytes as they are, other values as JSON, or as events."""

from __future__ import annotations

import re
from typing import Any

from bentoml._util.accept import qualities
from bentoml.adapters.base import BINARY_CONTENT_TYPE, TEXT_CONTENT_TYPE
from bentoml.adapters.table.frame_json import as_frame, frame_text, is_frame
from bentoml.adapters.wire.json_encoder import json_writer

JSON_LINES_CONTENT_TYPE = "application/x-ndjson"
EVENTS_CONTENT_TYPE = "text/event-stream; charset=utf-8"
STREAM_MEDIA_TYPES = ("text/event-stream", "text/plain", JSON_LINES_CONTENT_TYPE, BINARY_CONTENT_TYPE)
# Nothing between server and client may keep pieces back, as nginx does without this one.
UNBUFFERED = ("X-Accel-Buffering", "no")
EVENT_HEADERS = (("Content-Type", EVENTS_CONTENT_TYPE), ("Cache-Control", "no-store"), UNBUFFERED)

# The line ends of an event stream; `str.splitlines` knows more of them.
_split_lines = re.compile(r"\r\n|\n|\r").split


def accepts_events(accept: str) -> bool:
    """Whether an `Accept` header names `text/event-stream`; wildcards do not count."""
    return qualities(accept).get("text/event-stream", 0.0) > 0


def content_type_of(value: Any) -> str:
    """The content type of a stream that begins with `value`."""
    if isinstance(value, str):
        return TEXT_CONTENT_TYPE
    return BINARY_CONTENT_TYPE if isinstance(value, (bytes, bytearray, memoryview)) else JSON_LINES_CONTENT_TYPE


def chunk_of(value: Any) -> bytes:
    """A value as a chunk: text as UTF-8, bytes as they are, anything else as one line of JSON.

    Raises:
        ValueError, TypeError, RecursionError, OverflowError: it cannot be written as JSON.
    """
    if isinstance(value, str):
        return _encoded(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    return _encoded(f"{_json_text(value)}\n")


def event_of(value: Any) -> bytes:
    """A value as one event: a `data` line per line of its text.

    Bytes that are no UTF-8 are written as JSON has them: `{"b64": ...}`.

    Raises:
        ValueError, TypeError, RecursionError, OverflowError: it cannot be written as JSON.
    """
    if isinstance(value, (bytes, bytearray, memoryview)):
        try:
            return _event(bytes(value).decode())
        except UnicodeDecodeError:
            return _event(_json_text(value))
    return _event(value if isinstance(value, str) else _json_text(value))


def error_event(text: str) -> bytes:
    """The event that says why a stream breaks off."""
    return b"event: error\n" + _event(text)


def _event(text: str) -> bytes:
    lines = "".join(f"data: {line}\n" for line in _split_lines(text))
    return _encoded(f"{lines}\n")


def _json_text(value: Any) -> str:
    if is_frame(value):
        return frame_text(as_frame(value), "records")
    return json_writer(ensure_ascii=False)(value)


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")
