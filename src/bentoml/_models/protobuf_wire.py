"""Messages of protocol buffers, field by field, without their library and without what generates code for it.

The format: https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_FIXED_SIZES = {FIXED64: 8, FIXED32: 4}
_MOST_VARINT_BYTES = 10


class DamagedMessageError(ValueError):
    """Bytes that are no message, or not the whole of one."""


class Field(NamedTuple):
    """One field of a message.

    Attributes:
        number: of the field, at least 1.
        integer: the value of a varint or of a fixed size, as an unsigned number; 0 for others.
        content: the value of a string, a message or packed numbers; None for others.
        whole: all bytes of the field.
    """

    number: int
    integer: int
    content: memoryview | None
    whole: memoryview


def fields_of(message: memoryview) -> Iterator[Field]:
    """The fields in their order; what they hold is not looked into.

    Raises:
        DamagedMessageError: the bytes end within a field, or are no fields.
    """
    position, size = 0, len(message)
    while position < size:
        start = position
        key, position = _varint(message, position)
        number, kind = key >> 3, key & 7
        integer, content = 0, None
        if kind == VARINT:
            integer, position = _varint(message, position)
        elif kind == BYTES:
            length, begin = _varint(message, position)
            position = begin + length
            content = message[begin:position]
        elif kind in _FIXED_SIZES:
            begin, position = position, position + _FIXED_SIZES[kind]
            integer = int.from_bytes(message[begin:position], "little")
        else:
            raise DamagedMessageError(f"there is no field at byte {start}")
        if number == 0 or position > size:
            raise DamagedMessageError(f"the field at byte {start} is damaged, or goes beyond the end")
        yield Field(number, integer, content, message[start:position])


def packed_varints(content: memoryview) -> Iterator[int]:
    """The numbers of a repeated field that is packed."""
    position = 0
    while position < len(content):
        value, position = _varint(content, position)
        yield value


def encode_field(number: int, content: bytes) -> bytes:
    """A field that holds a string or a message."""
    return b"".join((_encode_varint(number << 3 | BYTES), _encode_varint(len(content)), content))


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    """A number, and the position after it."""
    value = 0
    for count, byte in enumerate(message[position : position + _MOST_VARINT_BYTES]):
        value |= (byte & 0x7F) << (7 * count)
        if byte < 0x80:
            return value, position + count + 1
    raise DamagedMessageError(f"the number at byte {position} does not end")


def _encode_varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
