"""Frames between the front and its workers.

A frame is four bytes of length (big endian) and a msgpack array whose first element is the kind. Nothing on this
socket is ever unpickled: values are integers, floats, text and bytes.

```
HELLO   worker -> front   [HELLO, pid, [[name, route, [method, ...], is_concurrent, max_streams, is_idempotent,
                           [tensor, ...] or nil], ...], generation, has_metrics]
LANE    both ways         [LANE, pid], answered by [LANE]
CALL    front -> worker   [CALL, batch_id, api_name, [head, ...], [[request_id, head_number, client, body], ...]]
                          and [[name, text], ...] as a last element when the batch is traced
ANSWER  worker -> front   [ANSWER, batch_id, seconds, [[status, head, body], ...]]
PING    front -> worker   [PING]
PONG    worker -> front   [PONG, rss_bytes or nil, has_metrics]
CANCEL  front -> worker   [CANCEL, batch_id]
SLOTS   front -> worker   [SLOTS, reference], answered by [SLOTS, can_read]
START   worker -> front   [START, batch_id, status, head]
CHUNK   worker -> front   [CHUNK, batch_id, piece]
END     worker -> front   [END, batch_id, is_whole]
CREDIT  front -> worker   [CREDIT, batch_id, chunks, bytes]
METRICS front -> worker   [METRICS]
METRICS worker -> front   [METRICS, [part, ...], [[name, problem], ...]]
INHERITED                 [INHERITED, origin, [part, ...]], before the first answer to METRICS
```

A `tensor` is `{"name", "datatype", "shape"}`; an API without any does not speak the Open Inference Protocol.

A `head` of a `CALL` is `[method, path, query, fields]`; requests name theirs by its number in the list. `fields` and
the `head` of an answer are blocks of `name: value` lines, each ended by CRLF, names in lower case; the latter is ready
to be written to a client. Answers stand in the order of the requests. A batch that was cancelled is answered all the
same, as that gives its place back.

A worker has two connections. The first carries `LANE`, and then the calls of plain functions and their answers; when
the front has answered the `LANE`, the worker says `HELLO` on the second, which carries all the rest.

A body in a `CALL` may be a reference to a slot, see `body_pool.py`, once the worker has said that it can read one.

A call whose answer comes in pieces has, in place of `ANSWER`, one `START`, any number of `CHUNK`, and one `END`.
`CREDIT` says how many chunks, and bytes of them, the client's connection has taken since the last one;
`stream_window.py` has the bound.

`has_metrics` says whether a worker may have metrics of the users' own; the parts are those of `metric_parts.py`. A
forked worker says what was counted before it was, under a name for the process that it was forked from.
"""

from __future__ import annotations

import asyncio
import struct
from typing import TYPE_CHECKING, Any, cast

import msgpack

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

HELLO, CALL, ANSWER, PING, PONG, CANCEL = 1, 2, 3, 4, 5, 6
START, CHUNK, END, CREDIT = 7, 8, 9, 10
LANE = 11
SLOTS = 12
METRICS, INHERITED = 13, 14
# What a worker says about an answer that comes in pieces.
STREAM_KINDS = frozenset({START, CHUNK, END})

_LENGTH = struct.Struct(">I")
MAX_FRAME_BYTES = (1 << 32) - 1
# From here on a frame is not copied to put its length in front.
_LARGE_BYTES = 32 << 10


def pack(message: list[Any]) -> bytes:
    """Encode one frame, its length in front.

    Raises:
        ValueError: the message takes 4 GiB or more.
    """
    length, payload = _pack_apart(message)
    return length + payload


def _pack_apart(message: list[Any]) -> tuple[bytes, bytes]:
    payload: bytes = msgpack.packb(message, use_bin_type=True)
    if len(payload) > MAX_FRAME_BYTES:
        raise ValueError(f"a frame of {len(payload)} bytes is over the limit of {MAX_FRAME_BYTES}")
    return _LENGTH.pack(len(payload)), payload


def unpack(payload: bytes | memoryview) -> list[Any]:
    """Decode a frame without its length.

    Raises:
        ValueError: it is no msgpack array.
    """
    message = msgpack.unpackb(payload, raw=False)
    if not isinstance(message, list) or not message:
        raise ValueError("a frame must be an array that starts with its kind")
    return message


def read(reader: BinaryIO) -> list[Any] | None:
    """Read one frame from a blocking stream; None when the other side is gone.

    Raises:
        ValueError: the payload is no msgpack array.
    """
    head = reader.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    payload = reader.read(length)
    return unpack(payload) if len(payload) == length else None


class FrameProtocol(asyncio.Protocol):
    """Cuts a byte stream into frames.

    Args:
        on_frame: called with (this protocol, payload) for each frame; the payload is a view of what was received.
        on_lost: called with (this protocol) once when the other side is gone.
    """

    def __init__(
        self, on_frame: Callable[[FrameProtocol, memoryview], None], on_lost: Callable[[FrameProtocol], None]
    ) -> None:
        self._on_frame = on_frame
        self._on_lost = on_lost
        # The beginning of a frame that is not whole, and how many bytes are there and needed.
        self._chunks: list[bytes] = []
        self._received = 0
        self._needed = 0
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        # A cast: the transports of uvloop follow the interface without being registered for it.
        self.transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol interface
        """Tell the owner."""
        self.transport = None
        self._on_lost(self)

    def send(self, frame: bytes) -> None:
        """Write a packed frame; dropped when the other side is gone, as its owner has been told."""
        if self.transport is not None:
            self.transport.write(frame)

    def send_message(self, message: list[Any]) -> None:
        """Encode and write a frame that may be large; see `pack` and `send`."""
        length, payload = _pack_apart(message)
        if len(payload) < _LARGE_BYTES:
            self.send(length + payload)
        elif self.transport is not None:
            self.transport.write(length)
            self.transport.write(payload)

    def data_received(self, data: bytes) -> None:
        """Hand out the frames that are whole; keep the rest."""
        if self._chunks:
            self._chunks.append(data)
            self._received += len(data)
            if self._received < self._needed:
                return
            # Put together once, however many pieces a large frame comes in.
            data = b"".join(self._chunks)
            self._chunks.clear()
        end = self._hand_out(data)
        if end < len(data):
            rest = data[end:] if end else data
            self._chunks.append(rest)
            self._received = len(rest)
            self._needed = _LENGTH.size
            if len(rest) >= _LENGTH.size:
                self._needed += _LENGTH.unpack_from(rest)[0]

    def _hand_out(self, data: bytes) -> int:
        """Give each whole frame to the owner; returns where the rest begins."""
        start = 0
        view = memoryview(data)
        while len(data) - start >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(data, start)
            end = start + _LENGTH.size + length
            if len(data) < end:
                break
            payload = view[start + _LENGTH.size : end]
            start = end
            self._on_frame(self, payload)
        return start
