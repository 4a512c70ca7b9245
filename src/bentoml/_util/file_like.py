"""A file that came with a request."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import unquote, urlparse

from bentoml.exceptions import InvalidArgument

if TYPE_CHECKING:
    from typing_extensions import Self


class FileLike:
    """A file that came with a request: bytes in memory, or a `file://` URI opened on first use.

    Args:
        bytes_: the content, when it is in memory.
        uri: a `file://` URI, when it is on disk.
        name: file name; by default that of the stream or the last part of the URI.
        stream: an open binary file.

    Raises:
        InvalidArgument: the URI has another scheme than `file`.
    """

    def __init__(
        self,
        bytes_: bytes | None = None,
        uri: str | None = None,
        name: str | None = None,
        stream: BinaryIO | None = None,
    ) -> None:
        if uri and urlparse(uri).scheme != "file":
            raise InvalidArgument(f"only file:// URIs can be read, not {uri!r}")
        self.bytes_ = bytes_
        self.uri = uri
        self._stream = stream
        self.name = name if name is not None else self._default_name()

    def __repr__(self) -> str:
        where = self.uri if self.bytes_ is None else f"{len(self.bytes_)} bytes"
        return f"FileLike({self.name!r}, {where or 'a stream'})"

    def _default_name(self) -> str | None:
        if self._stream is not None:
            stream_name = getattr(self._stream, "name", None)
            return os.path.basename(stream_name) if isinstance(stream_name, str) else None  # noqa: PTH119 - no I/O
        return os.path.basename(self.path) if self.uri else None  # noqa: PTH119

    def anew(self) -> FileLike:
        """The same file, not opened yet; what was given as an open file stays the same."""
        if self.bytes_ is None and not self.uri:
            return self
        return FileLike(self.bytes_, self.uri, self.name)

    @property
    def path(self) -> str:
        """Path of the file on disk; empty when it is in memory."""
        return unquote(urlparse(self.uri).path) if self.uri else ""

    @property
    def stream(self) -> BinaryIO:
        """The open file."""
        if self._stream is None:
            if self.bytes_ is not None:
                self._stream = io.BytesIO(self.bytes_)
            elif self.uri:
                self._stream = open(self.path, "rb")  # noqa: SIM115, PTH123 - closed by close()
            else:
                self._stream = io.BytesIO()
        return self._stream

    def read(self, size: int = -1) -> bytes:
        """Read up to `size` bytes from the current position."""
        return self.stream.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move the current position; returns the new one."""
        return self.stream.seek(offset, whence)

    def tell(self) -> int:
        """Return the current position."""
        return self.stream.tell()

    def close(self) -> None:
        """Close the file if it was opened."""
        if self._stream is not None:
            self._stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()
