"""JSON objects that name a key twice: which of the values counts depends on who reads, so nobody should guess."""

from __future__ import annotations

import json
from typing import Any


class DuplicateKeyError(ValueError):
    """An object has a key twice.

    Attributes:
        key: the key.
    """

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


def check_keys(text: bytes) -> None:
    """Check that no object has a key twice.

    Args:
        text: UTF-8 of one valid JSON value.

    Raises:
        DuplicateKeyError: one does.
        RecursionError: it is nested too deeply.
    """
    if b"\\" not in text:
        # Then every quotation mark begins or ends a string: what stands between is, by turns, no string and one.
        pieces = text.split(b'"')
        strings = pieces[1::2]
        if len(set(strings)) == len(strings):
            return
        keys = [one for one, after in zip(strings, pieces[2::2], strict=True) if after.lstrip(b" \t\r\n")[:1] == b":"]
        if len(set(keys)) == len(keys):
            return
    # Different objects may have the same keys, and one key can be written in many ways: only a parser can tell.
    _parse_pairs(text.decode())


def _checked(pairs: list[tuple[str, Any]]) -> None:
    seen = set()
    for key, _ in pairs:
        if key in seen:
            raise DuplicateKeyError(key)
        seen.add(key)


_parse_pairs = json.JSONDecoder(object_pairs_hook=_checked, parse_int=float, parse_constant=float).decode
