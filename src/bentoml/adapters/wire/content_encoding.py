"""Request bodies that came compressed."""

from __future__ import annotations

import zlib
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING

from bentoml.adapters.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bentoml.types import HTTPRequest

GZIP_NAMES = frozenset({"gzip", "x-gzip"})
_ACCEPT_GZIP_HEADER = 16 + zlib.MAX_WBITS


def decompressed(request: HTTPRequest) -> HTTPRequest:
    """The request with its body as it was before `Content-Encoding: gzip`; any other request as it is.

    The headers stay as the client sent them. The body may not grow beyond `bento_server.max_request_size`.

    Raises:
        InputError: 400 when the body is not gzip, 413 when it grows too large.
    """
    if request.headers.content_encoding not in GZIP_NAMES:
        return request
    from bentoml.configuration import get_config

    return replace(request, body=gunzip(request.body, get_config().bento_server.max_request_size))


def gunzip(body: bytes, max_size_bytes: int) -> bytes:
    """Decompress one gzip stream of one or more members, never holding more than the limit.

    Raises:
        InputError: 400 when it is damaged, cut short or not gzip at all; 413 when the result would be larger.
    """
    chunks: list[bytes] = []
    size_bytes = 0
    try:
        for chunk in _inflate(body, max_size_bytes + 1):
            size_bytes += len(chunk)
            if size_bytes > max_size_bytes:
                raise InputError(
                    f"The decompressed body is larger than {max_size_bytes} bytes",
                    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                )
            chunks.append(chunk)
    except (zlib.error, EOFError) as error:
        raise InputError("Gzip decompression error") from error
    return b"".join(chunks)


def _inflate(body: bytes, chunk_size_bytes: int) -> Iterator[bytes]:
    rest = body
    while True:
        member = zlib.decompressobj(_ACCEPT_GZIP_HEADER)
        yield member.decompress(rest, chunk_size_bytes)
        if not member.eof:
            raise EOFError("the last member of the gzip stream is cut short")
        rest = member.unused_data.lstrip(b"\0")
        if not rest:
            return
