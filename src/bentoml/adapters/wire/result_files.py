"""Results of `bentoml run` as files in a directory."""

from __future__ import annotations

import mimetypes
from functools import cache
from typing import TYPE_CHECKING, Any

from bentoml._util.files import write_atomic
from bentoml.adapters.wire.cli_args import CliUsageError
from bentoml.adapters.wire.media_types import BINARY, MSGPACK, NPY, PARQUET
from bentoml.adapters.wire.result_text import body_of

if TYPE_CHECKING:
    from pathlib import Path

    from bentoml.types import InferenceResult

_PREFERRED = {"image/jpeg": ".jpg", "text/plain": ".txt", BINARY: ".bin"}
# Types that Python knows since its version 3.13, or not at all.
_ADDED = {".webp": "image/webp", ".wav": "audio/wav", ".parquet": PARQUET, ".npy": NPY, ".msgpack": MSGPACK}


class ResultFiles:
    """Writes one file per result: `1.png`, `2.png`, ...; files that are there are replaced.

    Args:
        directory: made when it is not there.

    Raises:
        CliUsageError: it is no directory, or cannot be made.
    """

    def __init__(self, directory: Path) -> None:
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CliUsageError(f"argument --output-dir: {directory}: {error.strerror or error}") from error
        self._directory = directory
        self._count = 0

    def write(self, result: InferenceResult[Any]) -> str:
        """Write the next file.

        Returns:
            Its path.

        Raises:
            OSError: it cannot be written.
        """
        self._count += 1
        path = self._directory / f"{self._count}{extension_of(result.http_headers.content_type)}"
        write_atomic(path, body_of(result))
        return str(path)


@cache
def _types() -> mimetypes.MimeTypes:
    """The tables of Python itself: what a machine has of its own would give other names elsewhere."""
    types = mimetypes.MimeTypes()
    for extension, media_type in _ADDED.items():
        types.add_type(media_type, extension)
    return types


def extension_of(content_type: str) -> str:
    """The extension of files of a media type, with its dot; `.bin` when there is none."""
    return _PREFERRED.get(content_type) or _types().guess_extension(content_type) or ".bin"


def type_of(file_name: str) -> str:
    """The media type of a file by its extension; `application/octet-stream` when that stands for none."""
    content_type, encoding = _types().guess_type(file_name)
    return content_type if content_type is not None and encoding is None else BINARY
