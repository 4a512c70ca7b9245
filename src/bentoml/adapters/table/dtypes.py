"""Declared column types: what to call them without pandas, and turning JSON values into them.

A value is converted by itself: no result depends on the other values of the column. Nothing is cut off or wrapped
around on the way; a value that does not fit is an error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bentoml._util.optional import require
from bentoml.exceptions import BentoMLConfigException

if TYPE_CHECKING:
    from bentoml.adapters.table.json_table import Label, Names

_TRUE_TEXTS = frozenset({"true", "1"})
_FALSE_TEXTS = frozenset({"false", "0"})
# First letters of type names, in lower case, and what they are in OpenAPI.
_OPENAPI_TYPES = (
    ("int", "integer"),
    ("uint", "integer"),
    ("float", "number"),
    ("double", "number"),
    ("str", "string"),
    ("bool", "boolean"),
)


def dtype_name(dtype: Any) -> str:
    """Name of a dtype given as text, a Python type, or a type or value of numpy or pandas."""
    if isinstance(dtype, str):
        return dtype
    if isinstance(dtype, type):
        name = getattr(dtype, "name", None)
        return name if isinstance(name, str) else dtype.__name__
    return str(dtype)


def openapi_type(name: str) -> str:
    """Type of a column in OpenAPI: `integer`, `number`, `string`, `boolean` or `object`."""
    folded = name.lower()
    return next((kind for prefix, kind in _OPENAPI_TYPES if folded.startswith(prefix)), "object")


def declared_dtypes(dtype: Mapping[Label, Any] | Sequence[Any], names: Names | int) -> list[Any]:
    """The declared dtype of each column from left to right; None where there is none.

    Args:
        dtype: by column name, or by position.
        names: column names, or how many columns there are.

    Returns:
        dtype objects of pandas.

    Raises:
        BentoMLConfigException: pandas does not know a dtype.
    """
    pandas = require("pandas")
    labels = range(names) if isinstance(names, int) else names
    if isinstance(dtype, Mapping):
        given = [dtype.get(label) for label in labels]
    else:
        given = [dtype[i] if i < len(dtype) else None for i in range(len(labels))]
    try:
        return [None if one is None else pandas.api.types.pandas_dtype(one) for one in given]
    except TypeError as error:
        raise BentoMLConfigException(f"DataframeInput(dtype=...) has a type that pandas rejects: {error}") from error


def converts_alone(dtype: Any) -> bool:
    """Whether `convert` takes any mixture of JSON values, so that columns of different kinds can be joined."""
    return getattr(dtype, "kind", "") in _CONVERTERS and type(dtype).__module__.startswith("numpy")


def depends_on_column(dtype: Any) -> bool:
    """Whether the outcome depends on all values together: categories that are not declared."""
    return getattr(dtype, "categories", ...) is None


def convert(values: Sequence[Any], dtype: Any) -> Any:
    """Turn JSON values into an array or series of a dtype; null, and what is not a declared category, is missing.

    Raises:
        ValueError: a value does not fit.
        TypeError: a value is of a kind that cannot be converted.
        OverflowError: a number is too large.
    """
    pandas = require("pandas")
    if converts_alone(dtype):
        return _CONVERTERS[dtype.kind](values, dtype)
    if getattr(dtype, "na_value", None) is not None and dtype.name in {"str", "string"}:
        return pandas.Series(_texts(values, dtype), dtype=dtype)
    if isinstance(dtype, pandas.CategoricalDtype) and dtype.categories is not None:
        known = set(dtype.categories)
        values = [value if value in known else None for value in values]
    return pandas.Series(_objects(values, dtype), dtype=object).astype(dtype)


def _floats(values: Sequence[Any], dtype: Any) -> Any:
    import numpy as np

    return np.array(values, dtype=dtype)


def _integers(values: Sequence[Any], dtype: Any) -> Any:
    import numpy as np

    integers = values if set(map(type, values)) == {int} else [_integer(value) for value in values]
    bounds = np.iinfo(dtype)
    for value in (min(integers), max(integers)):
        if not bounds.min <= value <= bounds.max:
            raise OverflowError(f"{value} does not fit into {dtype}")
    return np.array(integers, dtype=dtype)


def _integer(value: Any) -> int:
    if isinstance(value, (int, str)) or (isinstance(value, float) and value.is_integer()):
        return int(value)
    raise ValueError(f"{_shown(value)} is not an integer")


def _booleans(values: Sequence[Any], dtype: Any) -> Any:
    import numpy as np

    return np.array([_boolean(value) for value in values], dtype=dtype)


def _boolean(value: Any) -> bool:
    if isinstance(value, (bool, int, float, str)):
        text = value.strip().lower() if isinstance(value, str) else str(int(value)) if value == int(value) else ""
        if text in _TRUE_TEXTS or text in _FALSE_TEXTS:
            return text in _TRUE_TEXTS
    raise ValueError(f"{_shown(value)} is not a boolean")


def _texts(values: Sequence[Any], dtype: Any) -> Any:
    texts = [value if value is None or isinstance(value, str) else str(value) for value in values]
    return _objects(texts, dtype)


def _objects(values: Sequence[Any], _dtype: Any) -> Any:
    import numpy as np

    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _shown(value: Any) -> str:
    return "null" if value is None else repr(value)[:40]


# By `kind` of a numpy dtype. What has no entry here goes through pandas.
_CONVERTERS = {
    "f": _floats,
    "i": _integers,
    "u": _integers,
    "b": _booleans,
    "U": _texts,
    "O": _objects,
}
