"""A part of a file that is sent without ever being in memory as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bentoml.exceptions import YataiRepositoryException

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

    from bentoml.yatai.remote.progress import Meter


class UploadPiece:
    """Bytes of an open file, as the body of a request.

    Args:
        file: open for reading.
        path: of it, for messages.
        start_byte: the first.
        size_bytes: how many.
        meter: is told what was read.
    """

    def __init__(self, file: BinaryIO, path: Path, start_byte: int, size_bytes: int, meter: Meter) -> None:
        file.seek(start_byte)
        self._file = file
        self._path = path
        self._size_bytes = size_bytes
        self._left = size_bytes
        self._meter = meter

    @property
    def sent_bytes(self) -> int:
        """How many were read."""
        return self._size_bytes - self._left

    def read(self, size_bytes: int) -> bytes:
        """The next bytes.

        Raises:
            YataiRepositoryException: the file cannot be read, or became shorter.
        """
        wanted = min(size_bytes, self._left)
        try:
            data = self._file.read(wanted)
        except OSError as error:
            raise YataiRepositoryException(f"{self._path} cannot be read: {error.strerror or error}") from error
        if len(data) < wanted:
            raise YataiRepositoryException(f"{self._path} became shorter while it was sent")
        self._left -= len(data)
        self._meter.add(len(data))
        return data

    def __len__(self) -> int:
        return self._size_bytes
