"""The compact form of Thrift, in which Parquet describes its contents.

Source: https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

MAX_DEPTH = 16

TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, STRUCT = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12
_INTEGERS = frozenset({I16, I32, I64})

# The values of a struct by number and type of the field.
Fields = dict[tuple[int, int], Any]


class ThriftError(ValueError):
    """The bytes are no such thing."""


@dataclass(slots=True)
class ThriftReader:
    """Reads one value after the other.

    Attributes:
        buffer: of bytes.
        position: where the next value starts.
        budget: how many more values are read.
    """

    buffer: memoryview
    position: int
    budget: int

    def struct(self, depth: int = 0) -> Fields:
        """The next struct; text is a part of the buffer.

        A value under another type than its field should have is one that nobody asks for, as it is for other readers.

        Raises:
            ThriftError: there is none, a field occurs twice, or there are too many values.
        """
        if depth > MAX_DEPTH:
            raise ThriftError("it is nested too deeply")
        fields: Fields = {}
        seen: set[int] = set()
        number = 0
        while byte := self._byte():
            number = number + (byte >> 4) if byte >> 4 else self._integer()
            if number in seen:
                raise ThriftError("a field occurs twice")
            seen.add(number)
            kind = byte & 0x0F
            fields[number, kind] = kind == TRUE if kind in {TRUE, FALSE} else self._value(kind, depth)
        return fields

    def _byte(self) -> int:
        if self.position >= len(self.buffer):
            raise ThriftError("it is cut short")
        byte = self.buffer[self.position]
        self.position += 1
        return byte

    def _varint(self) -> int:
        value = 0
        for shift in range(0, 70, 7):
            byte = self._byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
        raise ThriftError("a number is too long")

    def _integer(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)

    def _value(self, kind: int, depth: int) -> Any:
        self.budget -= 1
        if self.budget < 0:
            raise ThriftError("it has too many values")
        if kind in _INTEGERS:
            return self._integer()
        if kind == BINARY:
            return self._bytes(self._varint())
        if kind == STRUCT:
            return self.struct(depth + 1)
        if kind in {LIST, SET}:
            return self._list(depth)
        if kind in {BYTE, TRUE, FALSE}:  # of a list; a field has its truth in its type
            return self._byte()
        if kind == DOUBLE:
            return self._bytes(8)
        raise ThriftError(f"type {kind} is not known")

    def _bytes(self, length: int) -> memoryview:
        start = self.position
        if length > len(self.buffer) - start:
            raise ThriftError("it is cut short")
        self.position += length
        return self.buffer[start : self.position]

    def _list(self, depth: int) -> list[Any]:
        if depth > MAX_DEPTH:
            raise ThriftError("it is nested too deeply")
        byte = self._byte()
        count = byte >> 4 if byte >> 4 < 15 else self._varint()
        kind = byte & 0x0F
        if count > self.budget:
            raise ThriftError("it has too many values")
        return [self._value(kind, depth + 1) for _ in range(count)]
