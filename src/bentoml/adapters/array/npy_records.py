"""The `.npy` format of arrays of records: a name and a type for each field, and the records as they lie in memory."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from bentoml.adapters.array.npy import check_characters, dtype_of, header_bounds, header_with, is_npy, values_of
from bentoml.adapters.errors import InputError

if TYPE_CHECKING:
    import numpy as np

    from bentoml.adapters.array.npy import Array

_descr = re.compile(rb"""['"]descr['"]\s*:\s*\[""")
# One field; a pair of neither brackets nor backslashes, so that names end where they seem to.
_field = re.compile(
    r"""\s*\(\s*(?:'(?P<single>[^'\\]{0,256})'|"(?P<double>[^"\\]{0,256})")\s*,\s*"""
    r"""['"](?P<type>[<>|=]?(?:\?|[biufcSUMmV]\d{1,9})(?:\[\w{1,12}\])?)['"]\s*\)\s*(?P<end>,\s*\]|,|\])"""
)


def is_records(body: bytes) -> bool:
    """Whether a body in npy format says that its values are records."""
    return is_npy(body) and _descr.search(body, 0, 256) is not None


def read_npy_records(body: bytes) -> Array:
    """The array of a body: a read-only view on it, save for the byte order of another machine.

    Raises:
        InputError: it is damaged, has fields inside of fields or objects, or is not as large as it says.
    """
    start, end = header_bounds(body)
    text = body[start:end]
    dtype = _records_type(text)
    records = values_of(body, end, header_with(text, dtype))
    for name in dtype.names or ():
        if dtype[name].kind == "U":
            check_characters(records[name])
    return records


def _records_type(text: bytes) -> np.dtype[Any]:
    import numpy as np

    found = _descr.search(text)
    try:
        # Headers with other names than those of latin-1 have a format version of their own, in UTF-8.
        fields = text[found.end() :].decode() if found is not None else ""
    except UnicodeDecodeError:
        fields = text[found.end() :].decode("latin-1") if found is not None else ""
    names: list[str] = []
    types: list[np.dtype[Any]] = []
    offsets: list[int] = []
    place = size_bytes = 0
    while True:
        field = _field.match(fields, place)
        if field is None:
            raise InputError(
                "a field in the npy header cannot be read; a field has a name, and a type that is no object"
            )
        dtype = dtype_of(field["type"])
        name = field["single"] if field["double"] is None else field["double"]
        if dtype.kind != "V":  # which is room between fields
            names.append(name)
            types.append(dtype)
            offsets.append(size_bytes)
        size_bytes += dtype.itemsize
        place = field.end()
        if field["end"] != ",":
            break
    if len(set(names)) < len(names) or not names or not all(names):
        raise InputError("the fields in the npy header have no names of their own")
    return np.dtype({"names": names, "formats": types, "offsets": offsets, "itemsize": size_bytes})
