"""What a user function returned, as columns with one value per row.

A frame has its columns, a series one, an array of (rows, n) the columns `result_0`, `result_1` and so on, a dict of
such values one per key; every other list is the column `result`. No library is imported for it.
"""

from __future__ import annotations

import datetime as dt
import sys
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from bentoml.adapters.array.tensors import as_array, is_array_type
from bentoml.adapters.errors import ReturnLengthError
from bentoml.adapters.table.frame_json import is_frame

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    # One value per row: an array of numbers or dates with one axis, or a list.
    Values = np.ndarray[Any, Any] | list[Any]
    Columns = dict[str, Values]

RESULT = "result"
_AS_ARRAY = "biufM"
_PLAIN = (bool, int, float, str, bytes, dt.date, dt.time, dt.timedelta, Decimal, UUID, list, tuple, dict, type(None))


def columns_of(value: Any, rows: int) -> Columns:
    """The columns of what was returned for so many rows.

    Args:
        value: what the function returned.
        rows: for which it was called.

    Returns:
        Values by name; those of lists are plain: None, bool, int, float, str, bytes, dates, or lists and dicts.

    Raises:
        ReturnLengthError: it does not have one element per row.
    """
    columns = _named(value)
    for one in columns.values():
        if len(one) != rows:
            raise ReturnLengthError(f"the API function returned {len(one)} values for {rows} rows")
    return columns


def _named(value: Any) -> Columns:
    if is_frame(value):
        if value.ndim == 1:
            return {RESULT if value.name is None else str(value.name): _of_series(value)}
        names = [str(name) for name in value.columns]
        if len(set(names)) < len(names):
            raise ReturnLengthError("the API function returned a frame with two columns of one name")
        return {name: _of_series(value.iloc[:, position]) for position, name in enumerate(names)}
    if is_array_type(type(value)):
        return _of_array(as_array(value))
    if isinstance(value, dict) and value:
        return {name: values for key, one in value.items() for name, values in _of_key(str(key), one).items()}
    if isinstance(value, (list, tuple)):
        return _named(value[0]) if len(value) == 1 and _is_one_row(value[0]) else {RESULT: plain_list(value)}
    raise ReturnLengthError(f"the API function returned {type(value).__name__}, not a list")


def _is_one_row(value: Any) -> bool:
    """Whether an answer is a table or an array for a single row, as functions without batches make it."""
    if not is_frame(value) and not is_array_type(type(value)):
        return False
    return bool(getattr(value, "ndim", 0)) and len(value) == 1


def _of_key(name: str, value: Any) -> Columns:
    if isinstance(value, (dict, str, bytes)):
        raise ReturnLengthError(f"the API function returned {type(value).__name__} under the key {name!r}, not a list")
    found = _named(value)
    return (
        {name: next(iter(found.values()))} if len(found) == 1 else {f"{name}_{key}": one for key, one in found.items()}
    )


def _of_array(array: np.ndarray[Any, Any]) -> Columns:
    if array.ndim == 2 and array.shape[1] != 1:
        return {f"{RESULT}_{position}": _of_vector(array[:, position]) for position in range(array.shape[1])}
    if array.ndim == 2:
        return {RESULT: _of_vector(array[:, 0])}
    if array.ndim == 0:
        raise ReturnLengthError("the API function returned a single value, not an array of rows")
    return {RESULT: _of_vector(array)}


def _of_vector(array: np.ndarray[Any, Any]) -> Values:
    if array.ndim == 1 and array.dtype.kind in _AS_ARRAY and array.dtype.itemsize <= 8:
        return array
    return plain_list(array.tolist())


def _of_series(series: Any) -> Values:
    if type(series.dtype).__module__.startswith("numpy") and series.dtype.kind in _AS_ARRAY:
        return _of_vector(series.to_numpy())
    objects = series.astype(object)
    return plain_list(objects.where(objects.notna(), None).tolist())


def plain_list(values: Sequence[Any]) -> list[Any]:
    """A list whose elements are plain: scalars of numpy are numbers, arrays and tensors are lists."""
    kinds = set(map(type, values))
    numpy = sys.modules.get("numpy")
    if numpy is None or not any(issubclass(kind, numpy.generic) or is_array_type(kind) for kind in kinds):
        return list(values)
    return [
        one.item() if isinstance(one, numpy.generic) else as_array(one).tolist() if is_array_type(type(one)) else one
        for one in values
    ]


def is_plain(columns: Columns) -> bool:
    """Whether all values can be in a cell: numbers, text, dates, and lists and objects, whatever these hold."""
    lists = [values for values in columns.values() if isinstance(values, list)]
    return all(issubclass(kind, _PLAIN) for values in lists for kind in set(map(type, values)))


def as_list(values: Values) -> list[Any]:
    """Values as plain objects of Python; dates of numpy as `datetime`, missing ones as None."""
    if isinstance(values, list):
        return values
    if values.dtype.kind == "M":
        return values.astype("datetime64[us]").tolist()  # type: ignore[no-any-return]
    return values.tolist()  # type: ignore[no-any-return]
