"""The bytes of a tar archive, taken out of gzip if need be, read once from front to back and within limits."""

from __future__ import annotations

import gzip
import io
from dataclasses import dataclass
from typing import IO, cast

from bentoml.exceptions import BadInput

_GZIP_MAGIC = b"\x1f\x8b"
_CHUNK_BYTES = 1 << 16
_HEADER_BYTES = 1 << 20
_HEADERS_IN_A_ROW = 16
_PADDING_BYTES = 1 << 20
# Small archives may be as dense as they like.
_RATIO_COUNTS_FROM_BYTES = 32 << 20


@dataclass(frozen=True)
class ArchiveLimits:
    """How much is taken out of an archive.

    Attributes:
        max_bytes: of all of it when it is unpacked, headers included.
        max_members: files and directories, also those that are only named in the path of another.
        max_depth: directories above one another.
        max_ratio: unpacked bytes for each packed one, once there are more than 32 MiB.
    """

    max_bytes: int = 64 << 30
    max_members: int = 200_000
    max_depth: int = 32
    max_ratio: int = 200


class _Counted:
    """A stream that counts what was read, the first bytes of which can be looked at."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self._head = b""
        self.count = 0

    def peek(self, size: int) -> bytes:
        while len(self._head) < size and (chunk := self._source.read(size - len(self._head))):
            self._head += chunk
        return self._head

    def read(self, size: int = -1) -> bytes:
        if self._head:
            cut = len(self._head) if size < 0 else size
            chunk, self._head = self._head[:cut], self._head[cut:]
        else:
            chunk = self._source.read(size)
        self.count += len(chunk)
        return chunk


class TarStream:
    """What `tarfile` reads an archive from: it can go forward only.

    Args:
        source: the archive, compressed with gzip or not.
        limits: of which those of size and density are kept here.
    """

    def __init__(self, source: IO[bytes], limits: ArchiveLimits) -> None:
        self._packed = _Counted(source)
        self._limits = limits
        is_packed = self._packed.peek(2) == _GZIP_MAGIC
        counted = cast("IO[bytes]", self._packed)
        self._plain: IO[bytes] = cast("IO[bytes]", gzip.GzipFile(fileobj=counted, mode="rb")) if is_packed else counted
        self._position = 0
        self._header_room: int | None = None
        self._headers = 0

    def begin_header(self) -> None:
        """A header is read from now on; a member may have several, but not many or long ones."""
        if self._header_room is None:
            self._header_room, self._headers = _HEADER_BYTES, 0
        self._headers += 1
        if self._headers > _HEADERS_IN_A_ROW:
            raise BadInput("the archive holds a member with too many headers")

    def begin_content(self) -> None:
        """The content of a member is read from now on."""
        self._header_room = None

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes, fewer at the end only.

        Raises:
            BadInput: there is more in the archive than it may hold.
        """
        if size < 0:
            raise io.UnsupportedOperation("an archive is read in pieces")
        if self._header_room is not None:
            self._header_room -= size
            if self._header_room < 0:
                raise BadInput(f"the archive holds a header of more than {_HEADER_BYTES} bytes")
        if self._position + size > self._limits.max_bytes + _HEADER_BYTES:
            self._refuse_size()
        chunks = []
        while size > 0 and (chunk := self._plain.read(min(size, _CHUNK_BYTES))):
            chunks.append(chunk)
            size -= len(chunk)
            self._count(len(chunk))
        return b"".join(chunks)

    def tell(self) -> int:
        """How many bytes have been read."""
        return self._position

    def seek(self, position: int) -> int:
        """Go forward.

        Raises:
            BadInput: the position lies behind, which no archive asks for that is in order.
        """
        if position < self._position:
            raise BadInput("the archive leads back into itself")
        while self._position < position and self.read(min(position - self._position, _CHUNK_BYTES)):
            pass
        return self._position

    def finish(self) -> None:
        """Read what follows the end of the archive, which may be padding and nothing else.

        This also compares the checksum of gzip.

        Raises:
            BadInput: there is something.
        """
        self._header_room = None
        left = _PADDING_BYTES
        while chunk := self.read(_CHUNK_BYTES):
            left -= len(chunk)
            if chunk.strip(b"\0") or left < 0:
                raise BadInput("something follows the end of the archive")

    def _count(self, size: int) -> None:
        self._position += size
        if self._position > self._limits.max_bytes:
            self._refuse_size()
        if self._position > _RATIO_COUNTS_FROM_BYTES and self._position > self._limits.max_ratio * self._packed.count:
            raise BadInput(f"the archive unpacks to more than {self._limits.max_ratio} times its size")

    def _refuse_size(self) -> None:
        raise BadInput(f"the archive holds more than {self._limits.max_bytes} bytes")
