"""Arrays in a file of the safetensors format: a header of JSON and plain bytes, nothing that could run.

safetensors' own functions for NumPy know no bfloat16, and place arrays so that they have to be copied out of the file.
"""

from __future__ import annotations

import json
import math
import mmap
from typing import TYPE_CHECKING, Any

from bentoml._util.files import replaced_file
from bentoml._util.optional import require
from bentoml.exceptions import ArtifactLoadingException, InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# Names of the format, and those that NumPy has for them. The small floats are there once `ml_dtypes` is imported.
_NUMPY_NAMES = {
    "BOOL": "bool",
    "U8": "uint8",
    "I8": "int8",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
    "U16": "uint16",
    "I16": "int16",
    "F16": "float16",
    "BF16": "bfloat16",
    "U32": "uint32",
    "I32": "int32",
    "F32": "float32",
    "U64": "uint64",
    "I64": "int64",
    "F64": "float64",
    "C64": "complex64",
}
_FORMAT_NAMES = {numpy_name: name for name, numpy_name in _NUMPY_NAMES.items()}
# What libraries want in order to compute with the bytes of a mapped file, instead of a copy.
_ALIGNMENT_BYTES = 64
_LENGTH_BYTES = 8
_NOTES = "__metadata__"


def is_storable(dtype: Any) -> bool:
    """Whether the format has a name for a type of NumPy."""
    return dtype.name in _FORMAT_NAMES


def write_tensors(path: Path, arrays: Mapping[str, Any], notes: Mapping[str, str]) -> None:
    """Write a file, which appears whole or not at all.

    Arrays whose size is a multiple of 64 bytes come first, so that they start at one, too.

    Args:
        path: target; replaced if it exists.
        arrays: arrays of NumPy by name, of types that are storable.
        notes: texts by name, kept in the header.

    Raises:
        InvalidArgument: an array has the name of the place for notes.
    """
    if _NOTES in arrays:
        raise InvalidArgument(f"an array can not be named {_NOTES} in a file of safetensors")
    ordered = sorted(arrays.items(), key=lambda item: item[1].nbytes % _ALIGNMENT_BYTES != 0)
    header: dict[str, Any] = {_NOTES: dict(notes)}
    end = 0
    for name, array in ordered:
        start, end = end, end + array.nbytes
        described = {"dtype": _FORMAT_NAMES[array.dtype.name], "shape": list(array.shape)}
        header[name] = {**described, "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    text += b" " * (-(_LENGTH_BYTES + len(text)) % _ALIGNMENT_BYTES)
    with replaced_file(path) as temporary, temporary.open("wb") as file:
        file.write(len(text).to_bytes(_LENGTH_BYTES, "little"))
        file.write(text)
        for _, array in ordered:
            file.write(_plain_bytes(array))


def read_tensors(path: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """Map a file into memory.

    Returns:
        Arrays of NumPy by name, and the notes. The arrays are the mapped file itself: processes share its pages, and
        one that writes into an array gets pages of its own.

    Raises:
        ArtifactLoadingException: the file is not whole, or of another format.
        FileNotFoundError: there is none.
    """
    with path.open("rb") as file:
        length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
        size = file.seek(0, 2)
        if not 0 < length <= size - _LENGTH_BYTES:
            raise _damaged(path, "its header is cut off")
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    start = _LENGTH_BYTES + length
    try:
        header = json.loads(mapped[_LENGTH_BYTES:start])
        notes = dict(header.pop(_NOTES, {}))
        return {name: _array(mapped, start, described) for name, described in header.items()}, notes
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise _damaged(path, str(error)) from error


def _array(mapped: mmap.mmap, start: int, described: dict[str, Any]) -> Any:
    """One array of a mapped file whose data begin at `start`.

    Raises:
        ValueError: it does not lie within the file, or has no such shape.
    """
    numpy = require("numpy")
    dtype = numpy.dtype(_NUMPY_NAMES[described["dtype"]])
    shape = tuple(described["shape"])
    first, last = described["data_offsets"]
    if not all(type(number) is int and number >= 0 for number in (*shape, first, last)):
        raise ValueError(f"{described} has what is no size")
    if last - first != math.prod(shape) * dtype.itemsize:
        raise ValueError(f"{described} has other sizes in bytes and in numbers")
    if start + last > len(mapped):
        raise ValueError("its end is cut off")
    if not math.prod(shape):
        return numpy.empty(shape, dtype)
    return numpy.frombuffer(mapped, dtype, math.prod(shape), start + first).reshape(shape)


def _plain_bytes(array: Any) -> Any:
    """The numbers of an array, row by row and little-endian."""
    if array.dtype.byteorder == ">":
        array = array.astype(array.dtype.newbyteorder("<"))
    return array.reshape(-1).view("uint8").data


def _damaged(path: Path, problem: str) -> ArtifactLoadingException:
    return ArtifactLoadingException(f"{path} is not a whole file of safetensors: {problem}; save the service again")
