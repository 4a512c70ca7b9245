"""MessagePack bodies, read and written with the values that JSON has, and bytes and times besides.

The parser of MessagePack reserves memory for as many elements as a list announces, before it sees one, and lists may
lie inside each other. So a body is walked through first, which makes nothing: afterwards every element that is
announced is known to be there. What is made of a byte of a body is then at most 72 bytes, those of an empty map.

Source of the format: https://github.com/msgpack/msgpack/blob/master/spec.md
"""

from __future__ import annotations

import json
import sys
from typing import Any, NoReturn

from bentoml.adapters.wire.json_encoder import plain_key

# What a shorter body can announce is harmless: 200 lists of 1000 elements.
_WALKED_BYTES = 1024
# Integers of more than 64 bits have no place in the format.
_MIN_INTEGER = -(2**63)
_MAX_INTEGER = 2**64 - 1
_AS_THEY_ARE = frozenset({str, float, bool, bytes, type(None)})


def parse_msgpack(body: bytes) -> Any:
    """Parse one value. Timestamps become `datetime` in UTC.

    Raises:
        ValueError: the body is not one value; or it is nested too deeply, has a key that is no text or bytes, or a type
            of an extension.
    """
    import msgpack

    if not body:
        raise ValueError("the body is empty")
    try:
        if len(body) > _WALKED_BYTES:
            walk(body)
        return msgpack.unpackb(body, raw=False, strict_map_key=True, timestamp=3, ext_hook=_refuse_extension)
    except (msgpack.exceptions.StackError, RecursionError) as error:
        raise ValueError("it is nested too deeply") from error
    except (msgpack.UnpackException, msgpack.ExtraData) as error:
        raise ValueError(_reason(error)) from error
    except (TypeError, OverflowError) as error:  # keys that are lists, times that no calendar has
        raise ValueError(str(error)) from error


def walk(body: bytes) -> None:
    """See that every element that a body announces is there, without making any.

    Raises:
        UnpackException: one is missing.
        ValueError: the body is nested too deeply, or has a byte that means nothing.
    """
    import msgpack

    unpacker = msgpack.Unpacker(max_buffer_size=len(body))
    unpacker.feed(body)
    unpacker.skip()


def _reason(error: Exception) -> str:
    import msgpack

    if isinstance(error, msgpack.OutOfData):
        return "it is cut short"
    if isinstance(error, msgpack.ExtraData):
        return "something follows the value"
    return str(error) or "it has a byte that means nothing"


def _refuse_extension(code: int, _data: bytes) -> NoReturn:
    raise ValueError(f"extension type {code} is not known")


def write_msgpack(value: Any) -> bytes:
    """Write what a user function returned: as JSON would, but bytes stay bytes, and times in a zone are timestamps.

    Keys are written as text, and integers of more than 64 bits as well.

    Raises:
        ValueError: the value holds itself, or is nested too deeply.
        RecursionError: likewise.
    """
    import msgpack

    body: bytes = msgpack.packb(_plain(value), datetime=True, default=_unknown, unicode_errors="backslashreplace")
    return body


def _plain(value: Any) -> Any:  # noqa: PLR0911 - one for each kind
    if type(value) in _AS_THEY_ARE:
        return value
    if isinstance(value, dict):
        return {key if type(key) is str else _text_of_key(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, int):
        return int(value) if _MIN_INTEGER <= value <= _MAX_INTEGER else str(int(value))
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.ndarray):
        return _plain(value.tolist())
    if numpy is not None and isinstance(value, numpy.generic):
        item = value.item()  # some scalars, such as long doubles, are their own item
        return value if isinstance(item, numpy.generic) else _plain(item)
    return value


def _text_of_key(key: Any) -> str:
    key = plain_key(key)
    return str(key) if isinstance(key, str) else json.dumps(key)


def _unknown(value: Any) -> Any:
    if isinstance(value, (bytearray, memoryview)):
        return bytes(value)
    return {"unknown_obj": str(value)}
