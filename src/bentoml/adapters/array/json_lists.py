"""Nested lists of JSON as arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bentoml.adapters.array.nested_lists import array_of_lists
from bentoml.adapters.errors import InputError
from bentoml.adapters.text_input import decode_text
from bentoml.adapters.wire.json_text import parse_json

if TYPE_CHECKING:
    import numpy as np

    from bentoml.adapters.array.npy import Array


def array_of_json(body: bytes | str, dtype: np.dtype[Any] | None) -> Array:
    """The array that a JSON text stands for.

    Args:
        body: the text, or its UTF-8.
        dtype: declared type; None to tell it from the values.

    Raises:
        InputError: it is no JSON, or not that of an array.
    """
    text = decode_text(body, None) if isinstance(body, bytes) else body
    try:
        value = parse_json(text)
    except ValueError as error:
        raise InputError("not valid JSON" if text.strip() else "the body is empty") from error
    return array_of_lists(value, dtype)
