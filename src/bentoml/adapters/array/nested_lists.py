"""Nested lists of plain values as arrays: what the values are decides the type, and nothing is cut silently.

Without a declared type integers become int64, integers and fractions float64, `true` and `false` bool. Values are
looked at before an array is made of them: numpy alone would make objects of `null` and text of numbers, in memory that
no limit foresees.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

from bentoml.adapters.array.npy import MAX_DIMENSIONS
from bentoml.adapters.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from bentoml.adapters.array.npy import Array

# Text takes four bytes a character, at the length of the longest: no array may take more than so many times
# `bento_server.max_request_size`.
MAX_TEXT_GROWTH = 8

_LISTS = frozenset({list, tuple})
_NUMBERS = frozenset({int, float})
_NAMES = {int: "integers", float: "numbers", bool: "booleans", str: "text", bytes: "bytes", type(None): "null"}


def array_of_lists(value: Any, dtype: np.dtype[Any] | None) -> Array:
    """The array that nested lists are written for; a plain value is an array without axes.

    Args:
        value: lists, or tuples, of the same length on each level, and on the innermost integers, floats, booleans, text
            or bytes.
        dtype: declared type; None to tell it from the values.

    Raises:
        InputError: the lists are ragged or too deep, or the values are mixed, or none of these, or do not fit the type.
    """
    leaves, shape = flattened(value)
    return array_of_leaves(leaves, dtype).reshape(shape)


def array_of_leaves(leaves: Sequence[Any], dtype: np.dtype[Any] | None, kinds: set[type] | None = None) -> Array:
    """The array of one axis with these values.

    Args:
        leaves: plain values.
        dtype: declared type; None to tell it from the values.
        kinds: the types of the values, for callers that know them.

    Raises:
        InputError: the values are mixed, or no numbers, booleans or text, or do not fit the type.
    """
    import numpy as np

    kinds = set(map(type, leaves)) if kinds is None else kinds
    if not kinds:
        return np.empty(0, dtype or np.float64)
    if kinds <= _NUMBERS:
        return as_type(_array_of_numbers(leaves, dtype, is_integer=float not in kinds), dtype)
    if kinds == {bool}:
        return as_type(np.array(leaves, np.bool_), dtype)
    if kinds in ({str}, {bytes}):
        return _array_of_text(leaves, dtype, kinds.pop())
    raise InputError(complaint(kinds))


def as_type(array: Array, dtype: np.dtype[Any] | None) -> Array:
    """The array itself, or as the declared type where every value stays what it is, but for the digits of a float.

    Raises:
        InputError: a value would be cut or lost: a fraction as integer, an integer beyond the bounds, a long text.
    """
    import numpy as np

    if dtype is None or array.dtype == dtype:
        return array
    kind = array.dtype.kind
    if kind in "iu" and dtype.kind in "iu":
        _check_bounds(array, dtype)
    elif kind in "SU" and dtype.kind == kind:
        if 0 < dtype.itemsize < array.dtype.itemsize:
            raise InputError(f"a text is longer than the declared type {dtype} holds")
    elif (dtype.kind in "SUM" and dtype.kind != kind) or not np.can_cast(array.dtype, dtype, "same_kind"):
        raise InputError(f"values of type {array.dtype} do not fit the declared type {dtype}")
    try:
        with np.errstate(over="raise"):
            return array.astype(dtype)
    except FloatingPointError as error:
        raise InputError(f"a number is too large for the declared type {dtype}") from error


def flattened(value: Any) -> tuple[Sequence[Any], tuple[int, ...]]:
    """The values on the innermost level of nested lists from left to right, and the length of each axis.

    Raises:
        InputError: the lists are ragged or too deep. A list that is left among the values makes them ragged, too.
    """
    if type(value) not in _LISTS:
        return [value], ()
    level: Sequence[Any] = value
    shape = [len(level)]
    while level and type(level[0]) in _LISTS:
        lengths = set(map(len, level)) if _LISTS.issuperset(map(type, level)) else set()
        if len(lengths) != 1:
            raise InputError("the lists are ragged: on each level all must have the same length")
        if len(shape) == MAX_DIMENSIONS:
            raise InputError(f"the lists are nested more than {MAX_DIMENSIONS} deep")
        shape.append(lengths.pop())
        level = list(chain.from_iterable(level))
    return level, tuple(shape)


def _array_of_numbers(leaves: Sequence[Any], dtype: np.dtype[Any] | None, *, is_integer: bool) -> Array:
    import numpy as np

    kind = "" if dtype is None else dtype.kind
    wide: Any = np.float64
    if is_integer and kind not in {"f", "c"}:
        is_unsigned = dtype is not None and dtype == np.uint64
        if is_unsigned and min(leaves) < 0:
            raise InputError(f"an integer is out of the bounds of {dtype}")
        wide = np.uint64 if is_unsigned else np.int64
    try:
        return np.array(leaves, wide)
    except OverflowError as error:
        raise InputError(f"a number is too large for {np.dtype(wide)}") from error


def _array_of_text(leaves: Sequence[Any], dtype: np.dtype[Any] | None, kind: type) -> Array:
    import numpy as np

    fitting = "SUMm" if kind is str else "S"
    if dtype is None or dtype.kind not in fitting:
        expected = "numbers are expected" if dtype is None else f"{dtype} is declared"
        raise InputError(f"the values are {_NAMES[kind]} where {expected}")
    if dtype.kind in "SU":
        _check_text_size(max(map(len, leaves)), len(leaves), dtype)
    try:
        return as_type(np.array(leaves, dtype if dtype.kind in "Mm" else dtype.kind), dtype)
    except ValueError as error:  # a date that is none, text that is not ASCII
        raise InputError(f"a text does not fit the declared type {dtype}") from error


def _check_text_size(longest: int, count: int, dtype: np.dtype[Any]) -> None:
    from bentoml.configuration import get_config

    width_bytes = max(longest * (4 if dtype.kind == "U" else 1), dtype.itemsize)
    if width_bytes * count > MAX_TEXT_GROWTH * get_config().bento_server.max_request_size:
        raise InputError("the texts differ too much in length: an array gives all the room of the longest")


def _check_bounds(array: Array, dtype: np.dtype[Any]) -> None:
    import numpy as np

    bounds = np.iinfo(dtype)
    if array.size and (int(array.min()) < bounds.min or int(array.max()) > bounds.max):
        raise InputError(f"an integer is out of the bounds of {dtype}")


def complaint(kinds: set[type]) -> str:
    """What is wrong with values of these types, which cannot be in one array."""
    if not _LISTS.isdisjoint(kinds):
        return "the lists are ragged: on each level all must have the same length"
    unknown = kinds - _NAMES.keys()
    if unknown:
        return "the values must be numbers, booleans or text, not objects"
    if type(None) in kinds:
        return "null has no place in an array"
    names = sorted({_NAMES[kind] for kind in kinds})
    return f"the values are mixed: {', '.join(names[:-1])} and {names[-1]}"
