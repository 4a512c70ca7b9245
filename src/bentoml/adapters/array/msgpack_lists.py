"""Nested lists of MessagePack as Python tuples, with limits on what a few bytes may announce.

The parser reserves eight bytes for every element that a list announces, before it sees one, and follows a thousand
lists inside each other: a body of some megabytes could ask for terabytes. So the lengths along the first elements are
read before anything else; they are the shape of an array, and cannot be more elements than there are bytes. Long lists
are then taken element by element, and the parser refuses all others that are longer than `MAX_LIST_LENGTH`. Tuples are
smaller than lists, and the empty one takes nothing: what is read is at most some forty times as large as the body.

Source of the format: https://github.com/msgpack/msgpack/blob/master/spec.md
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from bentoml.adapters.array.npy import MAX_DIMENSIONS
from bentoml.adapters.errors import InputError

if TYPE_CHECKING:
    import msgpack

# 32 MiB for a thousand lists of this length inside each other.
MAX_LIST_LENGTH = 4096

_FIXED_LIST, _LIST_16, _LIST_32 = 0x90, 0xDC, 0xDD


def parse_msgpack_lists(body: bytes) -> Any:
    """The value of a body: tuples of tuples, or a plain value. The outer ones of many elements are lists.

    Raises:
        InputError: it is not MessagePack, has maps, or announces more than it can hold.
    """
    import msgpack

    if not body:
        raise InputError("the body is empty")
    shape = _announced_shape(body)
    unpacker = msgpack.Unpacker(
        max_buffer_size=len(body),
        max_array_len=MAX_LIST_LENGTH,
        max_map_len=0,
        max_ext_len=0,
        strict_map_key=True,
        raw=False,
        use_list=False,
    )
    unpacker.feed(body)
    try:
        value = _value(unpacker, shape)
    except (ValueError, TypeError, msgpack.UnpackException) as error:
        raise InputError("not valid MessagePack of nested lists") from error
    if unpacker.tell() != len(body):
        raise InputError("not valid MessagePack: something follows the value")
    return value


def _announced_shape(body: bytes) -> tuple[int, ...]:
    """The lengths of the first list, of the first list in it, and so on."""
    shape: list[int] = []
    position = 0
    while True:
        first = body[position] if position < len(body) else 0
        if first & 0xF0 == _FIXED_LIST:
            length, size = first & 0x0F, 1
        elif first in {_LIST_16, _LIST_32}:
            size = 3 if first == _LIST_16 else 5
            length = int.from_bytes(body[position + 1 : position + size], "big")
        else:
            break
        shape.append(length)
        position += size
        if len(shape) > MAX_DIMENSIONS:
            raise InputError(f"the lists are nested more than {MAX_DIMENSIONS} deep")
        if not length:
            break
    if math.prod(shape) > len(body):
        raise InputError("the lists are ragged, or announce more elements than the body holds")
    return tuple(shape)


def _value(unpacker: msgpack.Unpacker, shape: tuple[int, ...]) -> Any:
    """The next value, which has this shape unless it is ragged."""
    if all(length <= MAX_LIST_LENGTH for length in shape):
        return unpacker.unpack()
    length = unpacker.read_array_header()
    if length != shape[0]:
        raise ValueError("the lists are ragged")
    return [_value(unpacker, shape[1:]) for _ in range(length)]
