"""JSON objects that name a key twice: which of the values counts depends on who reads, so nobody should guess."""

from __future__ import annotations

import json
import re
from typing import Any

# With more strings the parser is as fast.
_FEW_QUOTES = 20_000
# In valid JSON, quotation marks stand around strings only, so this finds each string, and the colon that makes it a
# key. Every character is looked at once.
_find_strings = re.compile(rb'"([^"\\]*(?:\\.[^"\\]*)*)"\s*(:?)', re.DOTALL).findall


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
    if text.count(b'"') <= _FEW_QUOTES:
        keys = _escaped_keys(text) if b"\\" in text else _plain_keys(text)
        if len(set(keys)) == len(keys):
            return
    # Different objects may have the same keys: only a parser can tell.
    _parse_pairs(text.decode())


def _plain_keys(text: bytes) -> list[bytes]:
    """Keys, or all strings when no two are equal, of JSON without escapes."""
    # Every quotation mark begins or ends a string: what stands between is, by turns, no string and one.
    pieces = text.split(b'"')
    strings = pieces[1::2]
    if len(set(strings)) == len(strings):
        return strings
    return [one for one, after in zip(strings, pieces[2::2], strict=True) if after.lstrip(b" \t\r\n")[:1] == b":"]


def _escaped_keys(text: bytes) -> list[bytes]:
    """Keys of JSON with escapes, as what they mean."""
    keys: list[bytes] = []
    for raw, colon in _find_strings(text):
        if colon:
            keys.append(json.loads(b'"%b"' % raw).encode() if b"\\" in raw else raw)
    return keys


def _checked(pairs: list[tuple[str, Any]]) -> None:
    if len(dict(pairs)) == len(pairs):
        return
    seen = set()
    for key, _ in pairs:
        if key in seen:
            raise DuplicateKeyError(key)
        seen.add(key)


_parse_pairs = json.JSONDecoder(object_pairs_hook=_checked).decode
