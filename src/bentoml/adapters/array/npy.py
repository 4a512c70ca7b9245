"""The `.npy` format of `numpy.save`: a short header, then the values as they lie in memory.

Headers come from strangers. They are read with regular expressions that know the few things that may stand there, never
evaluated; what a header announces is compared with the body that there is before anything is made of it. Objects, which
the format holds as pickles, and records of named fields are refused; `npy_records.py` reads those.

Source: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from bentoml._util.bounded_memo import BoundedMemo
from bentoml.adapters.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]

MAGIC = b"\x93NUMPY"
MAX_HEADER_BYTES = 4096
# What numpy 1 has; numpy 2 has 64.
MAX_DIMENSIONS = 32
# Booleans, integers, floats, complex numbers, bytes, text, dates and durations: what is no object and no record.
PLAIN_KINDS = "biufcSUMm"

_ALIGNMENT = 64
_MAX_SIZE_BYTES = 2**62
_MAX_CHARACTER = 0x10FFFF
_MAX_KEPT_HEADERS = 256
_MAX_KEPT_HEADER_BYTES = 192

_FIELDS = {
    "descr": re.compile(rb"""['"]descr['"]\s*:\s*['"]([<>|=]?(?:\?|[biufcSUMm]\d{1,9})(?:\[\w{1,12}\])?)['"]"""),
    "fortran_order": re.compile(rb"""['"]fortran_order['"]\s*:\s*(True|False)\b"""),
    "shape": re.compile(rb"""['"]shape['"]\s*:\s*\(([0-9L,\s]*)\)"""),
}


@dataclass(frozen=True)
class NpyHeader:
    """What the values of a body are.

    Attributes:
        dtype: type of the values as they lie there, in whatever byte order.
        shape: length of each axis.
        is_fortran: whether the first axis changes fastest.
        size_bytes: size of the values.
    """

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    is_fortran: bool
    size_bytes: int


# Clients send the same header again and again.
_headers: BoundedMemo[bytes, NpyHeader] = BoundedMemo(_MAX_KEPT_HEADERS)


def is_npy(body: bytes) -> bool:
    """Whether a body says that it is in this format."""
    return body.startswith(MAGIC)


def read_npy(body: bytes, max_size_bytes: int | None = None) -> Array:
    """The array of a body: a read-only view on it, save for the byte order of another machine, which is turned.

    Args:
        body: a whole `.npy` file.
        max_size_bytes: what an array without values would have at most if its empty axes had length 1; by default
            `bento_server.max_request_size`. Any other array is as large as the body.

    Raises:
        InputError: it is none, is damaged, holds objects or records, or is not as large as it says.
    """
    start, end = header_bounds(body)
    return values_of(body, end, known_header(body[start:end]), max_size_bytes)


def values_of(body: bytes, start: int, header: NpyHeader, max_size_bytes: int | None = None) -> Array:
    """The array whose values start at a place of a body; see `read_npy`.

    Raises:
        InputError: the values are not as many as the header says.
    """
    import numpy as np

    if len(body) - start != header.size_bytes:
        raise InputError(f"the npy header announces {header.size_bytes} bytes of values, there are {len(body) - start}")
    if not header.size_bytes:
        _check_empty(header, max_size_bytes)
        values: Array = np.empty(0, header.dtype)
    else:
        values = np.frombuffer(body, header.dtype, offset=start)
    array = values.reshape(header.shape, order="F" if header.is_fortran else "C")
    if not header.dtype.isnative:
        array = array.astype(header.dtype.newbyteorder("="))
    if header.dtype.kind == "U":
        check_characters(array)
    array.flags.writeable = False
    return array


def check_characters(texts: Array) -> None:
    """Refuse texts that Python cannot hold: it fails on them only when it is asked for one.

    Raises:
        InputError: there is a character that there is not.
    """
    import numpy as np

    if texts.size and np.ascontiguousarray(texts).reshape(-1).view(np.uint32).max() > _MAX_CHARACTER:
        raise InputError("a text of the array has a character that there is not")


def npy_writer(array: Array) -> Callable[[int, int | None], bytes]:
    """A function that writes rows of an array as `npy_bytes` would, much faster for many small pieces.

    It takes the first row and the one after the last; or None, for that row alone without the axis of rows.

    Raises:
        TypeError: the array holds objects or records.
    """
    import numpy as np

    _check_plain(array)
    values = np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
    row_bytes = array.itemsize * math.prod(array.shape[1:])
    descr, row = array.dtype.str, array.shape[1:]

    def write(start: int, end: int | None) -> bytes:
        last = start + 1 if end is None else end
        header = _written_header(descr, False, row if end is None else (last - start, *row))
        return b"".join((header, values[start * row_bytes : last * row_bytes]))

    return write


def npy_bytes(array: Array) -> bytes:
    """An array as a `.npy` body; the values are copied once.

    Raises:
        TypeError: the array holds objects or records.
    """
    import numpy as np

    _check_plain(array)
    is_fortran = array.flags.f_contiguous and not array.flags.c_contiguous
    values = np.ascontiguousarray(array.T if is_fortran else array)
    header = _written_header(array.dtype.str, is_fortran, array.shape)
    return b"".join((header, values.reshape(-1).view(np.uint8).data))


def header_bounds(body: bytes) -> tuple[int, int]:
    """Where the header starts and ends; the values follow.

    Raises:
        InputError: the body is not in this format, or the header is too long or cut short.
    """
    if not is_npy(body):
        raise InputError("the body is not in npy format")
    major = body[6] if len(body) > 6 else 0
    if major not in {1, 2, 3}:
        raise InputError(f"npy format version {major} is not known")
    start = 10 if major == 1 else 12
    length = int.from_bytes(body[8:start], "little")
    if length > MAX_HEADER_BYTES:
        raise InputError(f"the npy header has {length} bytes, at most {MAX_HEADER_BYTES} are read")
    if start + length > len(body):
        raise InputError("the npy header is cut short")
    return start, start + length


def known_header(text: bytes) -> NpyHeader:
    """What a header says; that of clients who send the same one again and again is kept.

    Raises:
        InputError: it is damaged, or announces what is not read.
    """
    known = _headers.get(text)
    if known is None:
        known = header_with(text, dtype_of(_field(text, "descr").decode()))
        if len(text) <= _MAX_KEPT_HEADER_BYTES:
            _headers.keep(text, known)
    return known


def header_with(text: bytes, dtype: np.dtype[Any]) -> NpyHeader:
    """What else a header says beside its type.

    Raises:
        InputError: it is damaged, or announces too much.
    """
    fortran_order, axes = _field(text, "fortran_order"), _field(text, "shape")
    try:
        shape = tuple(int(axis.strip().rstrip(b"L")) for axis in axes.split(b",") if axis.strip())
    except ValueError as error:
        raise InputError("the shape in the npy header is damaged") from error
    if len(shape) > MAX_DIMENSIONS:
        raise InputError(f"the array has {len(shape)} axes, at most {MAX_DIMENSIONS} are read")
    size_bytes = math.prod(shape) * dtype.itemsize
    if max(size_bytes, *shape, 0) > _MAX_SIZE_BYTES:
        raise InputError("the npy header announces more values than any machine holds")
    return NpyHeader(dtype, shape, fortran_order == b"True", size_bytes)


def _field(text: bytes, name: str) -> bytes:
    found = _FIELDS[name].search(text)
    if found is None:
        more = ", or it is an object or a record" if name == "descr" else ""
        raise InputError(f"the npy header does not say its {name}{more}")
    return found[1]


def dtype_of(descr: str) -> np.dtype[Any]:
    """The type of values that a header calls so.

    Raises:
        InputError: there is none of this name, or its values have no size.
    """
    import numpy as np

    try:
        dtype = np.dtype(descr)
    except (TypeError, ValueError) as error:
        raise InputError(f"the type {descr!r} in the npy header is not known") from error
    if not dtype.itemsize:
        raise InputError("the npy header has a type of size 0")
    return dtype


def _check_empty(header: NpyHeader, max_size_bytes: int | None) -> None:
    if max_size_bytes is None:
        from bentoml.configuration import get_config

        max_size_bytes = get_config().bento_server.max_request_size
    if math.prod(axis or 1 for axis in header.shape) * header.dtype.itemsize > max_size_bytes:
        raise InputError("the array has no values, but axes that are too long")


def _check_plain(array: Array) -> None:
    if array.dtype.kind not in PLAIN_KINDS:
        raise TypeError(f"an array of type {array.dtype} cannot be written as npy")


@lru_cache(maxsize=_MAX_KEPT_HEADERS)
def _written_header(descr: str, is_fortran: bool, shape: tuple[int, ...]) -> bytes:
    text = f"{{'descr': {descr!r}, 'fortran_order': {is_fortran}, 'shape': {shape!r}, }}".encode()
    padding = -(len(MAGIC) + 4 + len(text) + 1) % _ALIGNMENT
    length = len(text) + padding + 1
    return b"".join((MAGIC, b"\x01\x00", length.to_bytes(2, "little"), text, b" " * padding, b"\n"))
