"""Files and images in a record: names, sizes and beginnings, never more than is wanted."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bentoml._util.file_like import FileLike

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bentoml.server.logs.redaction import Redaction

MAX_NAME_CHARACTERS = 200


class FileRecords:
    """Makes JSON values of the files of one request.

    Args:
        max_bytes: how much may be written of all of them together.
        redaction: takes secrets out of files of JSON, and has the content of others left out; None changes nothing.
    """

    def __init__(self, max_bytes: int, redaction: Redaction | None) -> None:
        self._max_bytes = max_bytes
        self._redaction = redaction

    def values(self, files: Sequence[Any]) -> list[Any]:
        """An object with `name`, `bytes` (the size) and `content` (its beginning) for each file; other values stay.

        Raises:
            OSError, ValueError: a file cannot be read.
        """
        # Half of what may be written is for names and for what base64 and escapes add.
        share = self._max_bytes // (2 * max(1, sum(isinstance(file, FileLike) for file in files)))
        return [self._value(file, share) if isinstance(file, FileLike) else file for file in files]

    def _value(self, file: FileLike, max_bytes: int) -> dict[str, Any]:
        content, size_bytes = beginning_of(file, max_bytes)
        value: dict[str, Any] = {"name": shown_name(file), "bytes": size_bytes}
        if self._redaction is not None:
            if len(content) < size_bytes:
                return value
            try:
                value["content"] = self._redaction.redacted(content.decode("utf-8"))
            except (ValueError, RecursionError):
                return value
        else:
            value["content"] = content
        return value


def beginning_of(file: FileLike, max_bytes: int) -> tuple[bytes, int]:
    """The first bytes of a file, and the size of the whole; whoever reads it may go on where they were.

    Raises:
        OSError, ValueError: it cannot be read.
    """
    if file.bytes_ is not None:
        return file.bytes_[:max_bytes], len(file.bytes_)
    if file.path:
        with Path(file.path).open("rb") as opened:
            return opened.read(max_bytes), os.fstat(opened.fileno()).st_size
    place = file.tell()
    try:
        size_bytes = file.seek(0, io.SEEK_END)
        file.seek(0)
        return file.read(max_bytes), size_bytes
    finally:
        file.seek(place)


def shown_name(file: FileLike) -> str:
    """The name of a file, as long as names are; clients make them up."""
    return str(file.name or "")[:MAX_NAME_CHARACTERS]


def description_of(body: Any) -> str | None:
    """What an image of Pillow is, in place of its content; None for all else."""
    pillow = sys.modules.get("PIL.Image")
    if pillow is None or not isinstance(body, pillow.Image):
        return None
    return f"an image of {body.mode}, {body.width} x {body.height} pixels"
