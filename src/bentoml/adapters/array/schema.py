"""Arrays in OpenAPI documents and in texts for people."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

# Examples of more values help nobody.
MAX_EXAMPLE_VALUES = 256

_EXAMPLE_SHAPE = (1, 4)
_TYPES: dict[str, tuple[str, Any]] = {
    "b": ("boolean", True),
    "i": ("integer", 1),
    "u": ("integer", 1),
    "f": ("number", 1.5),
    "c": ("number", 1.5),
    "M": ("string", "2020-01-31"),
    "U": ("string", "a"),
    "S": ("string", "a"),
    "m": ("integer", 1),
}


def array_schema(dtype: np.dtype[Any] | None, shape: Sequence[int | None] | None) -> dict[str, Any]:
    """JSON Schema of nested lists.

    Args:
        dtype: type of the values; None where they may be numbers or booleans.
        shape: length of each axis, None where any will do; None for any shape.
    """
    leaf: dict[str, Any] = {} if dtype is None else {"type": _TYPES[dtype.kind][0]}
    if shape is None:
        return {"type": "array", "items": {}}
    schema = leaf
    for length in reversed(shape):
        schema = {"type": "array", "items": schema}
        if length is not None:
            schema |= {"minItems": length, "maxItems": length}
    return schema


def array_example(dtype: np.dtype[Any] | None, shape: Sequence[int | None] | None) -> Any:
    """Nested lists of that type and shape, one long where any length will do; None when they would be too many."""
    lengths = _EXAMPLE_SHAPE if shape is None else tuple(1 if length is None else length for length in shape)
    if math.prod(lengths) > MAX_EXAMPLE_VALUES:
        return None
    example = 1.5 if dtype is None else _TYPES[dtype.kind][1]
    for length in reversed(lengths):
        example = [example] * length
    return example


def shape_problem(shape: Sequence[int], expected: Sequence[int | None]) -> str:
    """How a shape differs from the one that is expected, with None where any length will do; empty when it does not."""
    if len(shape) == len(expected) and all(
        want is None or want == length for want, length in zip(expected, shape, strict=True)
    ):
        return ""
    return f"the array has the shape {_described(shape)}, {_described(expected)} is expected"


def _described(shape: Sequence[int | None]) -> str:
    inside = ", ".join("any" if length is None else str(length) for length in shape)
    return f"({inside},)" if len(shape) == 1 else f"({inside})"
