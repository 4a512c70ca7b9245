"""Tensors of the Open Inference Protocol as the arrays of an adapter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bentoml.adapters.array.nested_lists import array_of_lists, flattened
from bentoml.adapters.errors import InputError
from bentoml.adapters.open_inference.datatypes import BOOL, BYTES, datatype_of
from bentoml.adapters.open_inference.tensor import TensorSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from bentoml.adapters.array.npy import Array
    from bentoml.adapters.open_inference.tensor import Tensor

_NAME = "input-0"
_UNKNOWN = "FP64"
_OF_EXAMPLE = {bool: BOOL, int: "INT64", float: "FP64", str: BYTES}


def only_tensor(tensors: Sequence[Tensor]) -> Tensor:
    """The only tensor.

    Raises:
        InputError: there are more.
    """
    if len(tensors) != 1:
        raise InputError(f"one tensor is expected, there are {len(tensors)}")
    return tensors[0]


def only_array(tensors: Sequence[Tensor], dtype: np.dtype[Any] | None) -> Array:
    """The array of the only tensor; elements of `BYTES` are text of the declared type.

    Raises:
        InputError: there are more tensors, or they are text that does not fit.
    """
    tensor = only_tensor(tensors)
    if tensor.datatype == BYTES:
        return array_of_lists(tensor.texts().tolist(), dtype)
    return tensor.array


def array_spec(dtype: np.dtype[Any] | None, shape: Sequence[int | None] | None, example: Any) -> TensorSpec:
    """What is known of the tensor before there is one.

    Args:
        dtype: declared type, or None.
        shape: length of each axis, None where any will do; None for any shape.
        example: an array as JSON, or None.
    """
    datatype = None
    lengths: tuple[int, ...] = (-1, -1)
    if example is not None:
        try:
            leaves, axes = flattened(example)
        except InputError:
            pass
        else:
            kinds = set(map(type, leaves))
            datatype = "FP64" if kinds == {int, float} else _OF_EXAMPLE.get(kinds.pop()) if len(kinds) == 1 else None
            lengths = (-1, *axes[1:])
    if dtype is not None:
        datatype = datatype_of(dtype.newbyteorder("<").str) or BYTES
    if shape is not None:
        lengths = tuple(-1 if length is None else length for length in shape)
    return TensorSpec(_NAME, datatype or _UNKNOWN, lengths)
