"""One function per content coding: a packed body as chunks of what it was."""

from __future__ import annotations

import sys
import zlib
from typing import TYPE_CHECKING

from bentoml._util.optional import require
from bentoml.adapters.wire.packed_members import CHUNK_BYTES, PackedError, unpack_members

if TYPE_CHECKING:
    from collections.abc import Iterator

_GZIP_HEADER = 16 + zlib.MAX_WBITS
_ZLIB_HEADER = zlib.MAX_WBITS
_NO_HEADER = -zlib.MAX_WBITS
# RFC 9659: what a client may ask of us at most.
ZSTD_WINDOW_LOG_MAX = 23
# The backport of what Python itself has from 3.14.
ZSTD_LIBRARY = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"


class ZlibMember:
    """A gzip member or a zlib stream, unpacked in steps.

    Args:
        wbits: which header it has, as `zlib` counts.
    """

    def __init__(self, wbits: int) -> None:
        self._stream = zlib.decompressobj(wbits)

    @property
    def eof(self) -> bool:
        """Whether the member has ended."""
        return self._stream.eof

    @property
    def needs_input(self) -> bool:
        """Whether there is no more to come from what was given."""
        return not self._stream.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        """What was given after the end of the member."""
        return self._stream.unused_data

    def decompress(self, data: bytes | memoryview, max_length: int) -> bytes:
        """Unpack no more than so many bytes; data is given only when it is needed."""
        return self._stream.decompress(self._stream.unconsumed_tail or data, max_length)


def gunzip(body: bytes) -> Iterator[bytes]:
    """Unpack gzip of one or more members; zeros may follow, as tapes have them."""
    try:
        yield from unpack_members(body, lambda: ZlibMember(_GZIP_HEADER), padding=b"\0")
    except zlib.error as error:
        raise PackedError(str(error)) from error


def inflate(body: bytes) -> Iterator[bytes]:
    """Unpack `deflate`: a zlib stream, as the standard says, or the bare data that some clients send."""
    is_zlib = len(body) > 1 and body[0] & 0x0F == zlib.DEFLATED and int.from_bytes(body[:2], "big") % 31 == 0
    try:
        yield from unpack_members(body, lambda: ZlibMember(_ZLIB_HEADER if is_zlib else _NO_HEADER), most=1)
    except zlib.error as error:
        raise PackedError(str(error)) from error


def unbrotli(body: bytes) -> Iterator[bytes]:
    """Unpack brotli, whose window is 16 MiB at most.

    Raises:
        MissingDependencyException: brotli is not installed.
    """
    brotli = require("brotli")
    stream = brotli.Decompressor()
    data = body
    try:
        while not stream.is_finished():
            # What follows the end is an error of the library.
            chunk = stream.process(data, output_buffer_limit=CHUNK_BYTES)
            if not chunk and not data and not stream.is_finished():
                raise PackedError("it is cut short")
            data = b""
            yield chunk
    except brotli.error as error:
        raise PackedError(str(error)) from error


def unzstd(body: bytes) -> Iterator[bytes]:
    """Unpack Zstandard of one or more frames, whose windows are at most 8 MiB.

    Raises:
        MissingDependencyException: this Python has no `compression.zstd`, and its backport is not installed.
    """
    zstd = require(ZSTD_LIBRARY, ZSTD_LIBRARY)
    options = {zstd.DecompressionParameter.window_log_max: ZSTD_WINDOW_LOG_MAX}
    try:
        yield from unpack_members(body, lambda: zstd.ZstdDecompressor(options=options))
    except zstd.ZstdError as error:
        raise PackedError(str(error)) from error
