"""What a function returns, of whatever types, as JSON or MessagePack."""

from __future__ import annotations

import sys
from functools import lru_cache
from typing import Any

import msgspec

from bentoml.adapters.array.tensors import as_array, is_tensor_type
from bentoml.adapters.table.frame_json import as_frame, frame_text, is_frame
from bentoml.types import FileLike


def _plain(value: Any) -> Any:
    """Replace a value that neither format knows by others.

    Raises:
        TypeError: nothing stands for it.
    """
    if hasattr(value, "__pydantic_serializer__"):
        return value.model_dump(mode="json", by_alias=True)
    if isinstance(value, FileLike):
        return value.bytes_ if value.bytes_ is not None else value.read()
    if is_frame(value):
        return msgspec.json.decode(frame_text(as_frame(value), "records"))
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.generic):
        item = value.item()
        if not isinstance(item, numpy.generic):
            return item
    if is_tensor_type(type(value)):
        return as_array(value).tolist()
    if hasattr(value, "tolist"):  # arrays
        return value.tolist()
    raise TypeError(f"{type(value).__name__} has no form in JSON")


@lru_cache(maxsize=1)
def _encoders() -> tuple[msgspec.json.Encoder, msgspec.msgpack.Encoder]:
    return msgspec.json.Encoder(enc_hook=_plain), msgspec.msgpack.Encoder(enc_hook=_plain)


def to_json(value: Any) -> bytes:
    """JSON in UTF-8 of dataclasses, models, dates, arrays and what they hold; NaN and infinity are null.

    Raises:
        TypeError, ValueError, OverflowError, RecursionError: something in it has no form in JSON.
    """
    return _encoders()[0].encode(value)


def to_msgpack(value: Any) -> bytes:
    """MessagePack of the same.

    Raises:
        TypeError, ValueError, OverflowError, RecursionError: something in it has no form there.
    """
    return _encoders()[1].encode(value)
