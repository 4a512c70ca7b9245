"""Writing what a user function returns as JSON."""

from __future__ import annotations

import base64
import json
import sys
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from bentoml.adapters.array.tensors import as_array, is_array_type

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class ResultEncoder(json.JSONEncoder):
    """Adds to JSON: numpy scalars as numbers, arrays and tensors as lists, bytes as text or base64, others as `str`."""

    def default(self, o: Any) -> Any:
        """Replace a value that JSON does not know."""
        if isinstance(o, (bytes, bytearray, memoryview)):
            return bytes_value(bytes(o))
        numpy = sys.modules.get("numpy")
        if numpy is not None:
            if isinstance(o, numpy.generic):
                value = o.item()
                # Some scalars, such as long doubles, are their own item.
                return value if not isinstance(value, numpy.generic) else {"unknown_obj": str(o)}
            if is_array_type(type(o)):
                return as_array(o).tolist()
        return {"unknown_obj": str(o)}


_NUMBER_TYPES = frozenset({int, float})


def bytes_value(content: bytes) -> str | dict[str, str]:
    """Bytes as text where they are UTF-8, else as `{"b64": ...}`."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return {"b64": base64.b64encode(content).decode("ascii")}


@lru_cache(maxsize=2)
def json_writer(*, ensure_ascii: bool) -> Callable[[Any], str]:
    """A function that writes one value as JSON with the default separators.

    Dictionary keys that are neither text nor a plain number are written as their `str`.
    """
    encode = ResultEncoder(ensure_ascii=ensure_ascii).encode

    def write(value: Any) -> str:
        if type(value) is list and (text := _number_list(value)) is not None:
            return text
        try:
            return encode(value)
        except TypeError:
            return encode(_with_plain_keys(value))

    return write


def number_texts(values: Sequence[Any]) -> list[str] | None:
    """What `json_writer` writes for each of many numbers, much faster; None where there is anything but numbers."""
    text = _number_list(values) if type(values) is list else None
    if text is None:
        return None
    return text[1:-1].split(", ") if values else []


def _number_list(values: list[Any]) -> str | None:
    """For a flat list of numbers `repr` writes what JSON would, save for `nan` and `inf`."""
    if not _NUMBER_TYPES.issuperset(map(type, values)):
        return None
    text = repr(values)
    return None if "n" in text else text


def _with_plain_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {plain_key(key): _with_plain_keys(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_with_plain_keys(item) for item in value]
    return value


def plain_key(key: Any) -> Any:
    """A key of a dict as one that JSON takes: None, text or a plain number."""
    if key is None or isinstance(key, (str, int, float)):
        return key
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(key, numpy.generic):
        return plain_key(key.item())
    return str(key)
