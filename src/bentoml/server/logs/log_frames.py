"""The frames in which the processes of a server hand their logs to the one that writes them.

A frame has a head, `HEAD`: its kind, how many lines it holds, and the size in bytes of what follows. A block holds
whole lines of one channel, as they are to stand in the file. A record is a JSON object, and so are numbers of dropped
lines. Nothing is ever unpickled.
"""

from __future__ import annotations

import json
import logging
import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

# Kind, number of lines, size in bytes.
HEAD = struct.Struct("!BxxxII")
RECORD, DROPPED = 1, 2
# The loggers whose lines come in blocks, and the kinds of their frames.
CHANNELS = {"bentoml.access": 3, "bentoml.prediction": 4, "bentoml.feedback": 5}
CHANNEL_OF = {kind: channel for channel, kind in CHANNELS.items()}
# The logger of what is no block.
ROOT = "bentoml"
LOGGERS = (ROOT, *CHANNELS)

# Longer blocks are cut at the ends of lines.
PIECE_BYTES = 256 << 10
# Beyond it no single line can be, as no sender keeps that much.
MAX_CONTENT_BYTES = 64 << 20
# Of the message of a record and of its traceback, each.
MAX_TEXT = 128 << 10

_COPIED = (
    "name",
    "levelno",
    "levelname",
    "pathname",
    "filename",
    "module",
    "lineno",
    "funcName",
    "created",
    "msecs",
    "relativeCreated",
    "thread",
    "threadName",
    "process",
    "processName",
    "taskName",
)
_KINDS_OF_FIELDS: dict[str, Any] = {
    "name": str,
    "levelno": int,
    "levelname": str,
    "msg": str,
    "pathname": str,
    "filename": str,
    "lineno": int,
    "created": (int, float),
    "msecs": (int, float),
}
# Set on a record once it is sent.
SENT_MARK = "_bentoml_is_sent"
_STANDARD = {SENT_MARK, *vars(logging.makeLogRecord({})), *dir(logging.LogRecord), "message", "asctime", "taskName"}
_formatter = logging.Formatter()


def pack(kind: int, count: int, content: bytes) -> bytes:
    """One frame.

    Args:
        kind: of the frame.
        count: lines in it.
        content: what follows the head.
    """
    return HEAD.pack(kind, count, len(content)) + content


def pieces_of(lines: bytes, size_bytes: int = PIECE_BYTES) -> Iterator[bytes]:
    """Cut lines into pieces of at most this size, each of whole lines; a line that is longer stays whole."""
    start = 0
    while len(lines) - start > size_bytes:
        end = lines.rfind(b"\n", start, start + size_bytes) + 1 or lines.find(b"\n", start) + 1 or len(lines)
        yield lines[start:end]
        start = end
    if start < len(lines):
        yield lines[start:]


class FrameReader:
    """Frames out of the bytes of one connection, as they come."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes | memoryview) -> Iterator[tuple[int, int, bytes]]:
        """Take bytes.

        Yields:
            (kind, number of lines, content) of each frame that is complete.

        Raises:
            ValueError: this is no frame.
        """
        buffer = self._buffer
        buffer += data
        start = 0
        try:
            while len(buffer) - start >= HEAD.size:
                kind, count, size_bytes = HEAD.unpack_from(buffer, start)
                if size_bytes > MAX_CONTENT_BYTES:
                    raise ValueError(f"a frame of {size_bytes} bytes is too large")
                end = start + HEAD.size + size_bytes
                if len(buffer) < end:
                    break
                content = bytes(memoryview(buffer)[start + HEAD.size : end])
                start = end
                if kind in CHANNEL_OF and content and not content.endswith(b"\n"):
                    raise ValueError(f"a block of {count} lines breaks off")
                yield kind, count, content
        finally:
            del buffer[:start]

    def rest(self) -> tuple[int, int, bytes, int] | None:
        """What a sender that was killed has left of a frame.

        Returns:
            (kind, number of whole lines, these lines, number of lines that are lost); None when there is nothing.
        """
        if len(self._buffer) < HEAD.size:
            return None
        kind, count, _ = HEAD.unpack_from(self._buffer)
        content = bytes(self._buffer[HEAD.size :])
        whole = content[: content.rfind(b"\n") + 1] if kind in CHANNEL_OF else b""
        there = whole.count(b"\n")
        return kind, there, whole, max(count - there, 0)


# -- records ----------------------------------------------------------------------------------------------------


def encode_record(record: logging.LogRecord) -> bytes:
    """A record as JSON: its message is made, its traceback is text, and what it carries besides is kept as far as
    JSON can say it.
    """  # noqa: D205 - one sentence
    text = record.exc_text or (_formatter.formatException(record.exc_info) if record.exc_info else None)
    values: dict[str, Any] = {name: getattr(record, name, None) for name in _COPIED}
    for name, kind in _KINDS_OF_FIELDS.items():
        # Records that somebody has made by hand may lack what loggers fill in.
        if name in values and not isinstance(values[name], kind):
            values[name] = str(values[name]) if kind is str else 0
    values["msg"] = _cut(logging.LogRecord.getMessage(record))
    values["exc_text"] = None if text is None else _cut(text)
    values["stack_info"] = None if record.stack_info is None else _cut(record.stack_info)
    extra = {name: value for name, value in vars(record).items() if name not in _STANDARD}
    try:
        return json.dumps({**extra, **values}, default=str).encode("ascii")
    except Exception:  # noqa: BLE001 - objects of whoever logs; the message itself must not be lost for them
        return json.dumps(values).encode("ascii")


def decode_record(content: bytes) -> logging.LogRecord:
    """Read what `encode_record` has written.

    Raises:
        ValueError: it is no such thing.
    """
    values = json.loads(content)
    if not isinstance(values, dict):
        raise ValueError("a record must be an object")  # noqa: TRY004 - what a decoder says
    for name, kind in _KINDS_OF_FIELDS.items():
        if not isinstance(values.get(name), kind):
            raise ValueError(f"{name!r} of a record is {values.get(name)!r}")  # noqa: TRY004
    methods = dir(logging.LogRecord)
    record = logging.makeLogRecord({name: value for name, value in values.items() if name not in methods})
    record.args = None
    record.exc_info = None
    return record


def encode_counts(counts: dict[str, int]) -> bytes:
    """Numbers of dropped lines by logger, as JSON."""
    return json.dumps(counts).encode("ascii")


def decode_counts(content: bytes) -> dict[str, int]:
    """Read what `encode_counts` has written; loggers that are none of ours are left out.

    Raises:
        ValueError: it is no such thing.
    """
    counts = json.loads(content)
    if not isinstance(counts, dict) or not all(type(count) is int and count >= 0 for count in counts.values()):
        raise ValueError("numbers of dropped lines must be an object of whole numbers")
    return {name: counts[name] for name in LOGGERS if name in counts}


def _cut(text: str) -> str:
    if len(text) <= MAX_TEXT:
        return text
    return f"{text[:MAX_TEXT]}... ({len(text) - MAX_TEXT} more characters are left out)"
