"""The data of one tensor: JSON lists or bytes as an array, and `BYTES` elements with their lengths as bytes."""

from __future__ import annotations

import struct
from itertools import chain
from math import prod
from typing import TYPE_CHECKING, Any

from bentoml.adapters.errors import InputError
from bentoml.adapters.open_inference.datatypes import (
    BFLOAT16,
    BOOL,
    BYTES,
    FLOATS,
    NUMPY_NAMES,
    WIRE_SIZES,
    integer_bounds,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np

    Array = np.ndarray[Any, Any]

MAX_AXES = 32
# What the axes of a tensor without elements may come to, the axes of length 0 left out: its size alone would not bound
# what a function makes of them.
MAX_EMPTY = 1 << 16
_NARROW_FLOATS = FLOATS - {"FP64"}
_LENGTH = struct.Struct("<I")


def checked_shape(shape: Any, datatype: str, limit_bytes: int) -> tuple[int, ...]:
    """The shape of a tensor, when its elements can be in what has come.

    Args:
        shape: as the request has it.
        datatype: of the elements.
        limit_bytes: size of all that has come.

    Raises:
        InputError: it is no shape, or one of more elements than the request can hold.
    """
    if not isinstance(shape, list) or not all(type(length) is int and length >= 0 for length in shape):
        raise InputError("the shape must be a list of integers that are not negative")
    if len(shape) > MAX_AXES:
        raise InputError(f"the shape has {len(shape)} axes; {MAX_AXES} are the most")
    count = prod(shape)
    # A JSON list has at least a digit and a comma per element.
    if count > limit_bytes or (not count and prod(filter(None, shape)) > MAX_EMPTY):
        raise InputError(f"the request is too short for a {datatype} tensor of that shape")
    return tuple(shape)


def array_of_bytes(content: memoryview, datatype: str, shape: tuple[int, ...]) -> Array:
    """The tensor in binary data: a view of them, where numpy has the type.

    Args:
        content: all bytes of the tensor, little-endian, the last axis fastest.
        datatype: of the elements.
        shape: see `checked_shape`.

    Raises:
        InputError: the bytes are not those of such a tensor.
    """
    import numpy as np

    count = prod(shape)
    if datatype == BYTES:
        return _objects(_split_elements(content, count), shape)
    if len(content) != count * WIRE_SIZES[datatype]:
        raise InputError(
            f"{count} elements of {datatype} take {count * WIRE_SIZES[datatype]} bytes, there are {len(content)}"
        )
    if datatype == BFLOAT16:
        halves = np.frombuffer(content, dtype="<u2").astype("<u4")
        array: Array = (halves << 16).view("<f4")
        return array.reshape(shape)
    if datatype == BOOL:
        # Any other byte would be a boolean that is neither equal to true nor to false.
        numbers = np.frombuffer(content, dtype="|u1")
        if numbers.size and numbers.max() > 1:
            raise InputError("the bytes of a BOOL tensor must be 0 or 1")
    array = np.frombuffer(content, dtype=NUMPY_NAMES[datatype])
    return array.reshape(shape)


def _split_elements(content: memoryview, count: int) -> list[bytes]:
    """Cut what `joined_elements` has put together."""
    if count * _LENGTH.size > len(content):
        raise InputError(f"{len(content)} bytes cannot hold {count} elements of BYTES with their lengths")
    elements = []
    start = 0
    for _ in range(count):
        begin = start + _LENGTH.size
        if begin > len(content):
            raise InputError("the bytes end within the length of an element")
        start = begin + _LENGTH.unpack_from(content, begin - _LENGTH.size)[0]
        if start > len(content):
            raise InputError("the length of an element is larger than what is left of the bytes")
        elements.append(bytes(content[begin:start]))
    if start != len(content):
        raise InputError(f"{len(content) - start} bytes follow the last element")
    return elements


def joined_elements(elements: Iterable[str | bytes]) -> bytes:
    """Elements of `BYTES`, each after its length in four bytes, little-endian; text as UTF-8."""
    encoded = [one if isinstance(one, bytes) else one.encode("utf-8", "replace") for one in elements]
    return b"".join(chain.from_iterable((_LENGTH.pack(len(one)), one) for one in encoded))


def array_of_list(data: Any, datatype: str, shape: tuple[int, ...]) -> Array:
    """The tensor in a JSON list.

    Args:
        data: the elements, the last axis fastest, in one list or in lists of lists as the shape says. Null is NaN
            where the type has that.
        datatype: of the elements.
        shape: see `checked_shape`.

    Raises:
        InputError: there are more or fewer elements, or some of another type.
    """
    flat = _flat(data, shape)
    if datatype == BYTES:
        if not set(map(type, flat)) <= {str}:
            raise InputError("the data of a BYTES tensor must be strings")
        return _objects(flat, shape)
    _check_values(flat, datatype)
    try:
        return _array_of_numbers(flat, datatype).reshape(shape)
    except (OverflowError, FloatingPointError) as error:
        raise InputError(f"a number is too large for {datatype}") from error


def _array_of_numbers(flat: list[Any], datatype: str) -> Array:
    """The array of one axis.

    Raises:
        OverflowError: a number has no place in it; also `FloatingPointError`.
    """
    import numpy as np

    if datatype not in _NARROW_FLOATS:
        return np.array(flat, NUMPY_NAMES[datatype])
    # In two steps, for the second tells of numbers that would become infinite.
    wide = np.array(flat, "<f8")
    with np.errstate(over="raise"):
        return wide.astype(NUMPY_NAMES[datatype])


def _flat(data: Any, shape: tuple[int, ...]) -> list[Any]:
    """The elements in one list."""
    if not isinstance(data, list):
        raise InputError("the data must be a list")
    if not shape or not data or not isinstance(data[0], list):
        elements = data
    else:
        elements = _checked_length(data, shape[0])
        for length in shape[1:]:
            if not all(isinstance(one, list) and len(one) == length for one in elements):
                raise InputError("the lists in the data do not have the lengths that the shape says")
            elements = list(chain.from_iterable(elements))
    return _checked_length(elements, prod(shape))


def _checked_length(elements: list[Any], count: int) -> list[Any]:
    if len(elements) != count:
        raise InputError(f"the data have {len(elements)} elements where the shape says {count}")
    return elements


def _check_values(flat: list[Any], datatype: str) -> None:
    types = set(map(type, flat))
    if datatype in FLOATS:
        if not types <= {int, float, type(None)}:
            raise InputError(f"the data of a {datatype} tensor must be numbers")
    elif datatype == BOOL:
        if not types <= {bool} and not all(type(one) in {bool, int} and one in {0, 1} for one in flat):
            raise InputError("the data of a BOOL tensor must be true or false")
    elif not types <= {int}:
        raise InputError(f"the data of a {datatype} tensor must be integers")
    elif flat:
        low, high = integer_bounds(datatype)
        if min(flat) < low or max(flat) > high:
            raise InputError(f"a number does not fit into {datatype}")


def _objects(elements: list[Any], shape: tuple[int, ...]) -> Array:
    import numpy as np

    array: Array = np.empty(len(elements), dtype=object)
    array[:] = elements
    return array.reshape(shape)
