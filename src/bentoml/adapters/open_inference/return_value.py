"""What a user function returned, as tensors: whatever it is, and whichever output adapter the API has.

- A frame gives one tensor per column, a series one of its name, a dict one per key, also a list of dicts of the same
  keys; everything else is one tensor without a name.
- Text, bytes, dates and all that numpy has no type for become elements of `BYTES`: text as it is, dates as ISO 8601,
  the rest as JSON.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from math import isnan
from typing import TYPE_CHECKING, Any

from bentoml.adapters.array.tensors import as_array, is_tensor_type
from bentoml.adapters.open_inference.datatypes import BYTES, datatype_of
from bentoml.adapters.table.frame_json import is_frame
from bentoml.adapters.wire.json_encoder import json_writer

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    Array = np.ndarray[Any, Any]

_NUMBERS = "biuf"
_NUMBER_TYPES = {int, float}
_WITH_NONE = {int, float, type(None)}


@dataclass(frozen=True, eq=False)
class Output:
    """A tensor of an answer.

    Attributes:
        name: of the tensor; None where the value has none.
        datatype: such as `FP32`.
        array: the values, with at least one axis; elements of `BYTES` are `str` or `bytes`.
    """

    name: str | None
    datatype: str
    array: Array


def outputs_of(value: Any) -> list[Output]:
    """The tensors of what one request is answered with.

    Raises:
        ValueError: it cannot be written as tensors; also `TypeError`.
    """
    if is_frame(value):
        if value.ndim == 1:
            return [_output(None if value.name is None else str(value.name), _array_of_series(value))]
        return [_output(str(name), _array_of_series(value.iloc[:, i])) for i, name in enumerate(value.columns)]
    if isinstance(value, (list, tuple)) and len(value) == 1 and is_frame(value[0]):
        return outputs_of(value[0])
    columns = _columns_of(value)
    if columns is not None:
        return [_output(str(name), _array_of(one)) for name, one in columns.items()]
    return [_output(None, _array_of(value))]


def _columns_of(value: Any) -> dict[Any, Any] | None:
    """The parts of a value that have a name each."""
    if isinstance(value, dict) and value:
        return value
    if isinstance(value, (list, tuple)) and value and all(isinstance(one, dict) and one for one in value):
        names = value[0].keys()
        if all(one.keys() == names for one in value):
            return {name: [one[name] for one in value] for name in names}
    return None


def _output(name: str | None, array: Array) -> Output:
    """The tensor for an array of any type."""
    if array.ndim == 0:
        array = array.reshape(1)
    if array.dtype.kind in "fiu" and array.dtype.str not in {"|u1", "|i1"}:
        array = _plain_numbers(array)
    datatype = datatype_of(array.dtype.str)
    if datatype is not None:
        return Output(name, datatype, array)
    if array.dtype.kind == "c":
        raise ValueError("complex numbers cannot be written as a tensor")
    return Output(name, BYTES, _as_elements(array))


def _plain_numbers(array: Array) -> Array:
    """Numbers in little-endian order, and no longer than 64 bits."""
    if array.dtype.kind == "f" and array.dtype.itemsize > 8:
        return array.astype("<f8")
    return array.astype(array.dtype.newbyteorder("<"), copy=False)


def _array_of(value: Any) -> Array:
    import numpy as np

    if isinstance(value, np.ndarray):
        array: Array = value
        return array if array.dtype.kind != "O" else _numbers_of_objects(array)
    if is_frame(value):
        return _array_of_series(value) if value.ndim == 1 else _array_of(value.to_numpy())
    if is_tensor_type(type(value)):
        return _array_of(as_array(value))
    if isinstance(value, (list, tuple)):
        return _array_of_list([as_array(one) if is_tensor_type(type(one)) else one for one in value])
    if isinstance(value, (str, bytes, bytearray, memoryview)) or value is None:
        return _array_of_objects([bytes(value) if isinstance(value, (bytearray, memoryview)) else value])
    array = np.asarray(value)
    return array if array.dtype.kind != "O" else _array_of_objects([value])


def _array_of_list(values: Sequence[Any]) -> Array:
    import numpy as np

    try:
        array: Array = np.asarray(values)
    except (ValueError, OverflowError):  # lists of different lengths
        return _array_of_objects(values)
    if array.dtype.kind in "USV" or array.dtype.kind == "O":
        # numpy makes text of numbers that stand beside text.
        objects = _objects_of_lists(values, array.shape)
        return objects if array.dtype.kind in "USV" else _numbers_of_objects(objects)
    return array


def _objects_of_lists(values: Sequence[Any], shape: tuple[int, ...]) -> Array:
    """Elements as they are, in the shape that numpy found for them."""
    flat: list[Any] = list(values)
    for _ in shape[1:]:
        flat = [one for inner in flat for one in inner]
    return _array_of_objects(flat).reshape(shape)


def _array_of_objects(values: Sequence[Any]) -> Array:
    import numpy as np

    array: Array = np.empty(len(values), dtype=object)
    array[:] = list(values)
    return array


def _numbers_of_objects(array: Array) -> Array:
    """Numbers and None as numbers and NaN; other objects as they are."""
    import numpy as np

    flat = array.ravel().tolist()
    types = set(map(type, flat))
    if types <= _WITH_NONE and types & _NUMBER_TYPES and type(None) in types:
        flat = [float("nan") if one is None else one for one in flat]
        types = _NUMBER_TYPES
    if types and all(issubclass(kind, (np.number, np.bool_, bool, int, float)) for kind in types):
        # Integers beyond 64 bits stay objects.
        return np.array(flat).reshape(array.shape)
    return array


def _array_of_series(series: Any) -> Array:
    """The values of a series; what is missing is NaN among numbers, and an empty text elsewhere."""
    import numpy as np

    dtype = series.dtype
    if isinstance(dtype, np.dtype):
        array: Array = series.to_numpy()
        return array if array.dtype.kind != "O" else _numbers_of_objects(array)
    if getattr(dtype, "kind", "O") in _NUMBERS:  # of pandas, with a mask beside the values
        if not series.isna().any():
            array = series.to_numpy(dtype=dtype.numpy_dtype)
        else:
            array = series.to_numpy(dtype="float64", na_value=float("nan"))
        return array
    objects: Array = series.astype(object).to_numpy()
    return _numbers_of_objects(objects)


def _as_elements(array: Array) -> Array:
    """Whatever it is, as text or bytes."""
    import numpy as np

    if array.dtype.kind == "M":
        texts = np.datetime_as_string(array)
        return np.where(np.isnat(array), "", texts).astype(object)
    elements = np.empty(array.size, dtype=object)
    write = json_writer(ensure_ascii=False)
    elements[:] = [_element(one, write) for one in array.ravel().tolist()]
    return elements.reshape(array.shape)


def _element(value: Any, write: Any) -> str | bytes:
    if isinstance(value, (str, bytes)):
        return value
    if isinstance(value, (bytearray, memoryview)):
        return bytes(value)
    if value is None or _is_missing(value):
        return ""
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    text: str = write(value)
    return text


def _is_missing(value: Any) -> bool:
    if isinstance(value, float):
        return isnan(value)
    pandas = sys.modules.get("pandas")
    return pandas is not None and (value is pandas.NA or value is pandas.NaT)
