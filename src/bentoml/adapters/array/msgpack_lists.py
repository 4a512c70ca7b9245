"""Nested lists of MessagePack as tuples, with limits on what a few bytes may announce."""

from __future__ import annotations

from typing import Any

from bentoml.adapters.errors import InputError
from bentoml.adapters.wire.msgpack_body import walk


def parse_msgpack_lists(body: bytes) -> Any:
    """The value of a body: tuples of tuples, or a plain value.

    Tuples are smaller than lists, and the empty one takes nothing: what is read is at most forty times as large as the
    body.

    Raises:
        InputError: it is not MessagePack, has maps or extensions, or announces more than it holds.
    """
    import msgpack

    if not body:
        raise InputError("the body is empty")
    try:
        walk(body)
        return msgpack.unpackb(body, raw=False, use_list=False, max_map_len=0, max_ext_len=0)
    except (ValueError, TypeError, RecursionError, msgpack.UnpackException) as error:
        raise InputError("not valid MessagePack of nested lists") from error
