"""Tables of Arrow as frames, once it is clear how large they become."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

from bentoml._util.optional import require
from bentoml.adapters.errors import InputError
from bentoml.adapters.table.frame_table import FrameTable, frame_table
from bentoml.adapters.table.layout import check_decoded_size, max_decoded_bytes
from bentoml.exceptions import MissingDependencyException

if TYPE_CHECKING:
    from types import ModuleType

    import pandas as pd

    from bentoml.adapters.table.layout import TableLayout

# Earlier versions run code that a stream brings along: CVE-2023-47248.
OLDEST_SAFE = (14, 0, 1)
_EXACT_IN_FLOAT = 2**53
# A cell as a Python object, with its place in the column: text, dates, decimals; lists; dicts.
_OBJECT_BYTES = 72
_LIST_BYTES = 136
_DICT_BYTES = 248


def arrow() -> ModuleType:
    """The library.

    Raises:
        MissingDependencyException: it is not installed, or so old that it runs code that a stream brings along.
    """
    pyarrow = require("pyarrow")
    version = tuple(int(part) for part in pyarrow.__version__.split(".")[:3] if part.isdigit())
    if version < OLDEST_SAFE:
        raise MissingDependencyException(
            f"pyarrow {pyarrow.__version__} is not safe to read requests with; run: pip install -U pyarrow"
        )
    return pyarrow


def table_of_arrow(table: Any, layout: TableLayout) -> FrameTable:
    """Make a frame of an Arrow table that a stranger has made; columns that pandas used as its index are left out.

    Integers beside missing values become floats where those hold them exactly.

    Args:
        table: its buffers are in memory, and not checked.
        layout: what the table must be.

    Raises:
        InputError: it is damaged, would be too large, has columns that cannot be read, or does not fit the layout.
    """
    pyarrow = arrow()
    try:
        table.validate(full=True)
        table = _without_index(table)
        if layout.columns is not None and len(set(table.column_names)) == len(table.column_names):
            table = table.select([name for name in layout.columns if name in table.column_names])
        table = _without_views(table)
        for name, column in zip(table.column_names, table.columns, strict=True):
            _check_type(name, column.type)
        check_decoded_size(sum(map(_size_of_column, table.columns)), max_decoded_bytes())
        frame = _frame_of(table)
    # What pandas says to times that it cannot hold, and to zones that it does not know; and decimals that are none.
    except (pyarrow.ArrowException, ValueError, ArithmeticError, LookupError, TypeError) as error:
        raise InputError(f"not a valid table: {str(error)[:200]}") from error
    return frame_table(frame, layout)


def _frame_of(table: Any) -> pd.DataFrame:
    pandas = require("pandas")
    # A copy, for some columns of the first frame may be views of the body, which nobody can write to.
    frame: pd.DataFrame = table.to_pandas(ignore_metadata=True, use_threads=False).copy()
    for position, column in enumerate(table.columns):
        if _is_inexact_in_float(column):
            frame.isetitem(position, pandas.Series(column.to_pylist(), dtype=object))
    return frame


def _without_index(table: Any) -> Any:
    """Leave out the columns that pandas wrote for its index, and what the file says about itself."""
    names: Any = []
    # There may be no index, or text of somebody who is not pandas.
    with contextlib.suppress(ValueError, KeyError, TypeError, RecursionError):
        names = json.loads((table.schema.metadata or {}).get(b"pandas", b"{}"))["index_columns"]
    table = table.replace_schema_metadata(None)
    is_index = {name for name in names if isinstance(name, str)} if isinstance(names, list) else set()
    kept = [i for i, name in enumerate(table.column_names) if name not in is_index]
    return table if len(kept) == table.num_columns else table.select(kept)


def _without_views(table: Any) -> Any:
    """The table with each text by itself, where many could be one and the same part of memory."""
    pyarrow = arrow()
    plain = {name: getattr(pyarrow, f"large_{name}")() for name in ("string", "binary")}
    size_bytes = 0
    for position, column in enumerate(table.columns):
        kind = plain.get(str(column.type).removesuffix("_view")) if str(column.type).endswith("_view") else None
        if kind is not None:
            size_bytes += sum(map(_viewed_bytes, column.chunks))
            check_decoded_size(size_bytes, max_decoded_bytes())
            table = table.set_column(position, table.column_names[position], column.cast(kind))
    return table


def _viewed_bytes(array: Any) -> int:
    """The lengths of all texts together; each view has 16 bytes and begins with the length."""
    import numpy as np

    lengths = np.frombuffer(array.buffers()[1], "<i4")[::4][array.offset : array.offset + len(array)]
    return int(lengths.sum(dtype=np.int64))


def _check_type(name: str, kind: Any) -> None:
    types = arrow().types
    if types.is_dictionary(kind):
        return _check_dictionary(name, kind.value_type)
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return _check_nested(name, kind.value_type)
    if types.is_struct(kind):
        for i in range(kind.num_fields):
            _check_nested(name, kind.field(i).type)
        return None
    if not _is_plain(kind):
        raise InputError(f"the column {name!r} has the type {str(kind)[:80]}, which cannot be read")
    return None


def _check_nested(name: str, kind: Any) -> None:
    if arrow().types.is_dictionary(kind):
        raise InputError(f"the column {name!r} has a dictionary inside of lists or structs, which cannot be read")
    _check_type(name, kind)


def _check_dictionary(name: str, kind: Any) -> None:
    if not _is_plain(kind) or arrow().types.is_null(kind):
        raise InputError(f"the column {name!r} has a dictionary of {str(kind)[:80]}, which cannot be read")


def _is_plain(kind: Any) -> bool:
    types = arrow().types
    return bool(
        types.is_primitive(kind)
        or types.is_null(kind)
        or types.is_decimal(kind)
        or types.is_fixed_size_binary(kind)
        or is_text(kind)
    ) and not types.is_interval(kind)


def is_text(kind: Any) -> bool:
    """Whether a type of Arrow is text or bytes of any length."""
    types = arrow().types
    return any(
        is_kind(kind) for is_kind in (types.is_string, types.is_large_string, types.is_binary, types.is_large_binary)
    )


def _size_of_column(column: Any) -> int:
    """What a column takes as one of pandas, at most."""
    if not arrow().types.is_dictionary(column.type):
        return sum(map(_size_of_array, column.chunks))
    # Chunks may share their dictionary.
    dictionaries = {chunk.dictionary.buffers()[-1].address: chunk.dictionary for chunk in column.chunks if len(chunk)}
    return 8 * len(column) + sum(map(_size_of_array, dictionaries.values()))


def _size_of_array(array: Any) -> int:
    types = arrow().types
    kind = array.type
    if types.is_struct(kind):
        return _DICT_BYTES * len(array) + sum(map(_size_of_array, array.flatten()))
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return _LIST_BYTES * len(array) + _size_of_array(array.flatten())
    if types.is_integer(kind) or types.is_floating(kind) or types.is_timestamp(kind) or types.is_duration(kind):
        return 8 * len(array)
    if types.is_boolean(kind) and not array.null_count:
        return len(array)
    if types.is_fixed_size_binary(kind):
        return (_OBJECT_BYTES + int(kind.byte_width)) * len(array)
    return _OBJECT_BYTES * len(array) + int(array.nbytes)


def _is_inexact_in_float(column: Any) -> bool:
    """Whether a column of integers has missing values, and others that a float cannot hold."""
    if not column.null_count or not arrow().types.is_integer(column.type):
        return False
    extremes = require("pyarrow.compute", "pyarrow").min_max(column).as_py()
    low, high = extremes["min"] or 0, extremes["max"] or 0
    return bool(low < -_EXACT_IN_FLOAT or high > _EXACT_IN_FLOAT)
