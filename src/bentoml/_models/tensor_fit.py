"""Making plain values into the tensors that a function of TensorFlow takes.

A value may change its type, never what it says: 2.0 fits where whole numbers are asked for, 2.5 does not, and neither
does a number that is too large. Floats are rounded to the nearest that there is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from bentoml._util.optional import require

if TYPE_CHECKING:
    from numpy.typing import NDArray

# How far the type of a value is from what is asked for.
SAME, SAME_KIND, OTHER_KIND = 0, 1, 1000

_NUMBERS = "biufc"


class MisfitError(Exception):
    """A value cannot be made into what is asked for."""


def fitted(value: Any, wanted: Any) -> tuple[Any, int]:
    """A value as a function takes it.

    Args:
        value: tensors, arrays, numbers, text, lists, DataFrames, and dicts and lists of them.
        wanted: a `tf.TensorSpec`, or a plain value that the function was traced with; dicts and lists of them.

    Returns:
        The value, and how far it was away, 0 or more.

    Raises:
        MisfitError: it cannot be.
    """
    tensorflow = require("tensorflow")
    if isinstance(wanted, tensorflow.TensorSpec):
        return _fitted_tensor(value, wanted)
    if isinstance(wanted, Mapping):
        if not isinstance(value, Mapping) or value.keys() != wanted.keys():
            raise MisfitError
        pairs = {key: fitted(value[key], wanted[key]) for key in wanted}
        return {key: one for key, (one, _) in pairs.items()}, sum(distance for _, distance in pairs.values())
    if isinstance(wanted, (list, tuple)):
        if not isinstance(value, (list, tuple)) or len(value) != len(wanted):
            raise MisfitError
        items = [fitted(*pair) for pair in zip(value, wanted, strict=True)]
        return _like(wanted, [one for one, _ in items]), sum(distance for _, distance in items)
    if wanted is None or isinstance(wanted, (bool, int, float, str, bytes)):
        if type(value) is not type(wanted) or value != wanted:
            raise MisfitError
        return value, SAME
    return value, SAME  # ragged and sparse tensors, and what else TensorFlow knows, are its own to judge


def described(value: Any) -> str:
    """A value, or what a function takes, in short: `float32[?, 4]`."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {described(one)}" for key, one in sorted(value.items())) + "}"
    if isinstance(value, tuple) or (isinstance(value, list) and any(hasattr(one, "shape") for one in value)):
        return "(" + ", ".join(map(described, value)) + ")"
    if value is None or isinstance(value, (bool, str, bytes)):
        return repr(value)[:40]
    if not hasattr(value, "shape"):
        try:
            value = np.asarray(value)
        except ValueError:
            return "a ragged list"
    shape, dtype = value.shape, getattr(value, "dtype", None)
    rank = getattr(shape, "rank", len(shape) if isinstance(shape, tuple) else None)
    sizes = "..." if rank is None else ", ".join("?" if size is None else str(size) for size in shape)
    return f"{getattr(dtype, 'name', dtype) or type(value).__name__}[{sizes}]"


def _like(wanted: list[Any] | tuple[Any, ...], items: list[Any]) -> Any:
    """The items in a list, tuple or named tuple like the one that is wanted."""
    return type(wanted)(*items) if hasattr(wanted, "_fields") else type(wanted)(items)


def _fitted_tensor(value: Any, spec: Any) -> tuple[Any, int]:
    tensorflow = require("tensorflow")
    if isinstance(value, (tensorflow.RaggedTensor, tensorflow.SparseTensor)):
        raise MisfitError
    if not tensorflow.is_tensor(value) and not isinstance(value, tensorflow.Variable):
        return _fitted_array(value, spec)
    if not spec.shape.is_compatible_with(value.shape):
        raise MisfitError
    if value.dtype == spec.dtype:
        return value, SAME
    if tensorflow.executing_eagerly() and not value.dtype.is_floating:
        return _fitted_array(value.numpy(), spec)
    if not (value.dtype.is_floating and spec.dtype.is_floating):
        raise MisfitError
    return tensorflow.cast(value, spec.dtype), SAME_KIND


def _fitted_array(value: Any, spec: Any) -> tuple[Any, int]:
    tensorflow = require("tensorflow")
    try:
        array = np.asarray(value)
    except ValueError as error:  # a ragged list
        raise MisfitError from error
    if not spec.shape.is_compatible_with(array.shape):
        raise MisfitError
    if spec.dtype == tensorflow.string:
        return _text(array.tolist() if hasattr(value, "dtype") else value), SAME
    if array.dtype.kind == "O":  # as columns of a DataFrame may be
        array = np.array(array.tolist())
    wanted = spec.dtype.as_numpy_dtype
    if array.dtype == wanted:
        return tensorflow.convert_to_tensor(array), SAME
    if array.dtype.kind not in _NUMBERS or spec.dtype.is_bool:
        raise MisfitError
    return tensorflow.convert_to_tensor(_converted(array, wanted, spec.dtype)), _distance(array, spec.dtype)


def _text(value: Any) -> Any:
    try:
        return require("tensorflow").constant(value, "string")  # not by NumPy, which takes zeros off the end of bytes
    except (TypeError, ValueError) as error:
        raise MisfitError from error


def _converted(array: NDArray[Any], wanted: Any, dtype: Any) -> NDArray[Any]:
    """The numbers as the type that is wanted.

    Raises:
        MisfitError: they are none of its numbers.
    """
    if array.dtype.kind == "c" and not dtype.is_complex:
        raise MisfitError
    with np.errstate(over="ignore", invalid="ignore"):
        converted = array.astype(wanted)
        is_true = np.isfinite(converted) == np.isfinite(array) if dtype.is_floating else converted == array
    if not np.all(is_true):
        raise MisfitError
    return converted


def _distance(array: NDArray[Any], dtype: Any) -> int:
    kind = array.dtype.kind
    is_same = (kind in "iu" and dtype.is_integer) or (kind == "f" and dtype.is_floating) or (kind == "c")
    return SAME_KIND if is_same else OTHER_KIND
