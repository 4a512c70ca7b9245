"""Header blocks as members of a JSON record, looked up where the same were written before."""

from __future__ import annotations

from json.encoder import encode_basestring_ascii
from typing import TYPE_CHECKING, Any

from bentoml._util.bounded_memo import BoundedMemo
from bentoml._util.http_messages import as_headers
from bentoml.server.logs.redaction import HIDDEN
from bentoml.server.transport.wire_request import WireHeaders
from bentoml.types import HTTPHeaders

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bentoml.server.transport.wire_request import Fields

# Longer texts are not kept, and no more than this many.
MAX_KEPT_CHARACTERS = 4096
MAX_KEPT = 512


class RecordHeaders:
    """Writes headers as `"http_headers": [[name, value], ...]`.

    When they are longer than wanted, what is too much is left out, and `"http_headers_truncated_from_bytes"` says how
    long names and values were.

    Args:
        max_bytes: how much of names and values is written.
        secret_names: headers whose values are not written, in any case.
    """

    def __init__(self, max_bytes: int, secret_names: Iterable[str] = ()) -> None:
        self._max_bytes = max_bytes
        self._secret_names = frozenset(str(name).lower() for name in secret_names)
        self._of_fields: BoundedMemo[Fields, str] = BoundedMemo(MAX_KEPT)
        self._of_pairs: BoundedMemo[tuple[tuple[str, str], ...], str] = BoundedMemo(MAX_KEPT)
        # Where each head has an id of its own, all else in it was there before.
        self._known_pairs: BoundedMemo[tuple[str, str], tuple[str, int]] = BoundedMemo(MAX_KEPT)

    def members(self, headers: Any) -> str:
        """The members that stand for headers: `HTTPHeaders`, or what they can be made of."""
        if type(headers) is WireHeaders:
            fields = headers.shared
            if fields is not None:
                text = self._of_fields.get(fields)
                if text is None:
                    text = self._write(fields.pairs)
                    if len(text) <= MAX_KEPT_CHARACTERS:
                        self._of_fields.keep(fields, text)
                return text
        elif not isinstance(headers, HTTPHeaders):
            headers = as_headers(headers)
        pairs = headers.to_json()
        try:
            text = self._of_pairs.get(pairs)
        except TypeError:  # a value that user code has made of something odd
            return self._write(pairs)
        if text is None:
            text = self._write(pairs)
            if len(text) <= MAX_KEPT_CHARACTERS and all(type(value) is str for _, value in pairs):
                self._of_pairs.keep(pairs, text)
        return text

    def _write(self, pairs: Iterable[tuple[Any, Any]]) -> str:
        room = self._max_bytes
        written: list[str] = []
        for pair in pairs:
            text, size_bytes = self._pair(pair)
            room -= size_bytes
            if room >= 0:
                written.append(text)
        member = f'"http_headers":[{",".join(written)}]'
        return member if room >= 0 else f'{member},"http_headers_truncated_from_bytes":{self._max_bytes - room}'

    def _pair(self, pair: tuple[Any, Any]) -> tuple[str, int]:
        """The JSON of one header, and the size of name and value in bytes."""
        try:
            known = self._known_pairs.get(pair)
        except TypeError:
            known = None
        if known is not None:
            return known
        # User code is not type-checked: numbers are common as values.
        name, value = map(str, pair)
        if name.strip().lower() in self._secret_names:
            value = HIDDEN
        size_bytes = len(name.encode("utf-8", "replace")) + len(value.encode("utf-8", "replace"))
        text = f"[{encode_basestring_ascii(name)},{encode_basestring_ascii(value)}]"
        if len(text) <= MAX_KEPT_CHARACTERS and type(pair[1]) is str:
            self._known_pairs.keep(pair, (text, size_bytes))
        return text, size_bytes
