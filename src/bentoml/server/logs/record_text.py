"""Bodies as members of a JSON record: always text, never longer than wanted, without secrets.

A body named `data` becomes

- `"data": "..."`, the text; bytes that are no UTF-8 as base64, with `"data_encoding": "base64"` beside them;
- `"data_truncated_from_bytes": N` beside it when that is only its beginning, N being the size of the whole;
- `"data_file_name": "..."` beside it when it is a file with a name;
- `"data": null` with `"data_omitted": "..."`, the reason, when it must not or need not be written.

Several files are one JSON text with name, size and the beginning of each; see `record_files.py`.

Tensors, which come and go as bytes, are written as the JSON that would have said the same.

All of it is ASCII without line breaks: JSON writes everything else as escapes.
"""

from __future__ import annotations

import base64
import codecs
import sys
from json.encoder import encode_basestring_ascii
from typing import TYPE_CHECKING, Any

from bentoml._util.file_like import FileLike
from bentoml.adapters.wire.json_encoder import json_writer
from bentoml.server.logs.record_files import FileRecords, beginning_of, description_of, shown_name

if TYPE_CHECKING:
    from bentoml.server.logs.redaction import Redaction

# A larger body would take too long to read; in multiples of what may be written of it.
_MAX_REDACTED = 64

NOT_JSON = "it is not JSON, so nothing in it can be redacted"
TOO_LARGE = "it is too large to be redacted"
MANY_VALUES = "it has too many values to be written"
UNREADABLE = "it cannot be read, or not be written as JSON"

_utf8 = codecs.getincrementaldecoder("utf-8")


class _ManyValuesError(ValueError):
    """Writing all values would take too long."""


class RecordText:
    """Writes members.

    Args:
        max_bytes: how much of a body is written, in bytes of UTF-8.
        redaction: takes secrets out of bodies; None leaves them as they are.
    """

    def __init__(self, max_bytes: int, redaction: Redaction | None = None) -> None:
        self._max_bytes = max_bytes
        self._redaction = redaction
        self._files = FileRecords(max_bytes, redaction)

    def members(self, name: str, body: Any, size_bytes: int | None = None) -> str:
        """The members that stand for a body.

        Args:
            name: of the first of them.
            body: text, bytes, a file, or any value, which is written as JSON in a text.
            size_bytes: the size of the whole, when `body` is only its beginning.
        """
        if body is None:
            return f'"{name}":null'
        beside = ""
        try:
            body = _of_tensors(body, self._max_bytes)
            if (description := description_of(body)) is not None:
                return _omitted(name, description)
            if isinstance(body, FileLike):
                content, size_bytes = beginning_of(body, self._needed_bytes)
                beside = f',"{name}_file_name":{encode_basestring_ascii(shown_name(body))}' if body.name else ""
            else:
                content = self._content_of(body)
        except (OSError, ValueError, TypeError, RecursionError, OverflowError) as error:  # a file is gone, odd values
            return _omitted(name, MANY_VALUES if isinstance(error, _ManyValuesError) else UNREADABLE)
        return self._content_members(name, content, len(content) if size_bytes is None else size_bytes) + beside

    @property
    def _needed_bytes(self) -> int:
        """How much of a file has to be read: more than is written says that it is cut."""
        return self._max_bytes * (1 if self._redaction is None else _MAX_REDACTED) + 1

    def _content_of(self, body: Any) -> bytes:
        if isinstance(body, (bytes, bytearray, memoryview)):
            return bytes(body)
        if isinstance(body, (list, tuple)) and any(isinstance(one, FileLike) for one in body):
            body = self._files.values(body)
        return _as_bytes(body if isinstance(body, str) else json_writer(ensure_ascii=False)(body))

    def _content_members(self, name: str, content: bytes, size_bytes: int) -> str:
        if self._redaction is not None and content:
            if len(content) > _MAX_REDACTED * self._max_bytes:
                return _omitted(name, TOO_LARGE)
            try:
                content = _as_bytes(self._redaction.redacted(content.decode("utf-8")))
            except (ValueError, RecursionError):
                return _omitted(name, NOT_JSON)
        is_cut = len(content) > self._max_bytes
        written = content[: self._max_bytes]
        try:
            # Of a text that is cut within a character, the rest of that character goes as well.
            member = f'"{name}":{encode_basestring_ascii(_utf8().decode(written, final=not is_cut))}'
        except UnicodeDecodeError:
            member = f'"{name}":"{base64.b64encode(written).decode("ascii")}","{name}_encoding":"base64"'
        if is_cut or size_bytes > len(content):
            return f'{member},"{name}_truncated_from_bytes":{size_bytes}'
        return member


def _omitted(name: str, reason: str) -> str:
    return f'"{name}":null,"{name}_omitted":{encode_basestring_ascii(reason)}'


def _of_tensors(body: Any, max_values: int) -> Any:
    """Tensors as plain values, as far as they can be; anything else as it is.

    Raises:
        _ManyValuesError: they, or an array, have more values than that.
    """
    record = body.log_record(max_values) if hasattr(body, "log_record") else body
    numpy = sys.modules.get("numpy")
    if record is None or (numpy is not None and isinstance(record, numpy.ndarray) and record.size > max_values):
        raise _ManyValuesError
    return record


def _as_bytes(text: str) -> bytes:
    # Half of a surrogate pair is not to be had in UTF-8.
    return text.encode("utf-8", "replace")
