"""What the messages of an Arrow IPC stream announce, read before Arrow itself makes anything of them.

A stream is a row of messages: a description in the FlatBuffers format, then the buffers of a body. The buffers may be
compressed, each behind eight bytes that say how large it is: those are added up here. A description may refer to the
same part of itself again and again; so fields are counted, for each takes far more memory than the reference to it.

Sources: https://arrow.apache.org/docs/format/Columnar.html#encapsulated-message-format, `Message.fbs` and `Schema.fbs`
in https://github.com/apache/arrow/tree/main/format, and https://flatbuffers.dev/internals.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bentoml.adapters.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_FIELDS = 20_000
MAX_DEPTH = 32
MAX_MESSAGES = 100_000

_SCHEMA, _DICTIONARY, _RECORDS = 1, 2, 3
# Slots of the tables in Message.fbs and Schema.fbs.
_MESSAGE_TYPE, _MESSAGE_HEADER = 1, 2
_SCHEMA_FIELDS = 1
_FIELD_CHILDREN = 5
_DICTIONARY_RECORDS = 1
_RECORDS_BUFFERS, _RECORDS_COMPRESSION = 2, 3


@dataclass(frozen=True, slots=True)
class _Table:
    """A table of FlatBuffers; what lies outside of the buffer is a `struct.error`."""

    buffer: memoryview
    start: int

    @staticmethod
    def root(buffer: memoryview) -> _Table:
        return _Table(buffer, *struct.unpack_from("<I", buffer, 0))

    def place(self, slot: int) -> int | None:
        """Where the value of a slot is; None when it is not given."""
        (back,) = struct.unpack_from("<i", self.buffer, self.start)
        slots = self.start - back
        if slots < 0:
            raise struct.error("a table before the buffer")
        (size,) = struct.unpack_from("<H", self.buffer, slots)
        if 4 + 2 * slot >= size:
            return None
        (offset,) = struct.unpack_from("<H", self.buffer, slots + 4 + 2 * slot)
        return self.start + offset if offset else None

    def byte(self, slot: int) -> int:
        place = self.place(slot)
        return 0 if place is None else int(struct.unpack_from("<B", self.buffer, place)[0])

    def table(self, slot: int) -> _Table | None:
        place = self.place(slot)
        return None if place is None else _Table(self.buffer, _referred(self.buffer, place))

    def vector(self, slot: int) -> tuple[int, int]:
        """Where the elements of a vector start, and how many there are."""
        place = self.place(slot)
        if place is None:
            return 0, 0
        start = _referred(self.buffer, place)
        return start + 4, int(struct.unpack_from("<I", self.buffer, start)[0])

    def tables(self, slot: int) -> Iterator[_Table]:
        start, count = self.vector(slot)
        for i in range(count):
            yield _Table(self.buffer, _referred(self.buffer, start + 4 * i))


def _referred(buffer: memoryview, place: int) -> int:
    return place + int(struct.unpack_from("<I", buffer, place)[0])


def decoded_bytes(description: memoryview, body: memoryview) -> int:
    """How many bytes the buffers of a message have once they are no longer compressed.

    Args:
        description: of the message.
        body: its buffers.

    Raises:
        InputError: it is malformed, or has too many fields.
    """
    try:
        message = _Table.root(description)
        kind = message.byte(_MESSAGE_TYPE)
        header = message.table(_MESSAGE_HEADER)
        if header is not None and kind == _SCHEMA:
            _count_fields(header, _SCHEMA_FIELDS)
        elif header is not None and kind in {_DICTIONARY, _RECORDS}:
            records = header if kind == _RECORDS else header.table(_DICTIONARY_RECORDS)
            if records is not None and records.table(_RECORDS_COMPRESSION) is not None:
                return sum(_buffer_sizes(records, body))
    except struct.error as error:
        raise InputError("a message of the stream is damaged") from error
    return len(body)


def _count_fields(table: _Table, slot: int, depth: int = 0, count: int = 0) -> int:
    if depth > MAX_DEPTH:
        raise InputError(f"the columns are nested more than {MAX_DEPTH} deep")
    for field in table.tables(slot):
        count += 1
        if count > MAX_FIELDS:
            raise InputError(f"the table has more than {MAX_FIELDS} fields")
        count = _count_fields(field, _FIELD_CHILDREN, depth + 1, count)
    return count


def _buffer_sizes(records: _Table, body: memoryview) -> Iterator[int]:
    start, count = records.vector(_RECORDS_BUFFERS)
    for i in range(count):
        offset, length = struct.unpack_from("<qq", records.buffer, start + 16 * i)
        if not length:
            continue
        if offset < 0 or length < 8:
            raise struct.error("a buffer outside of the body")
        (size,) = struct.unpack_from("<q", body, offset)
        yield length if size == -1 else max(size, 0)
