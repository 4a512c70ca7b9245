"""Request bodies that came compressed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import TYPE_CHECKING

from bentoml._util.optional import is_installed
from bentoml.adapters.errors import InputError
from bentoml.adapters.wire.missing_library import unsupported
from bentoml.adapters.wire.packed_members import PackedError
from bentoml.adapters.wire.unpackers import ZSTD_LIBRARY, gunzip, inflate, unbrotli, unzstd
from bentoml.exceptions import MissingDependencyException

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bentoml.types import HTTPRequest

# Nobody packs what is packed, but some proxies pack what they are given.
MAX_CODINGS = 3


@dataclass(frozen=True)
class _Coding:
    """A content coding: what it is called in errors, what unpacks it, and the library that this takes, if any."""

    title: str
    unpack: Callable[[bytes], Iterator[bytes]]
    library: str | None = None

    @property
    def is_usable(self) -> bool:
        """Whether its library is installed."""
        return self.library is None or is_installed(self.library)


_GZIP = _Coding("Gzip", gunzip)
_CODINGS = {
    "gzip": _GZIP,
    "x-gzip": _GZIP,
    "deflate": _Coding("Deflate", inflate),
    "br": _Coding("Brotli", unbrotli, "brotli"),
    "zstd": _Coding("Zstandard", unzstd, ZSTD_LIBRARY),
}


def decompressed(request: HTTPRequest) -> HTTPRequest:
    """The request with its body as it was before its `Content-Encoding`; any other request as it is.

    The headers stay as the client sent them. The body may not grow beyond `bento_server.max_request_size`, also between
    two codings.

    Raises:
        InputError: 400 when the body is not what it says, 413 when it grows too large, 415 when a coding is not
            known or its library is not installed.
    """
    if not request.headers.content_encoding:
        return request
    codings = _codings(",".join(request.headers.getlist("content-encoding")))
    if not codings:
        return request
    from bentoml.configuration import get_config

    limit_bytes = get_config().bento_server.max_request_size
    body = request.body
    for coding in codings:
        body = unpack(body, coding, limit_bytes)
    return replace(request, body=body)


def unpack(body: bytes, coding: str, max_size_bytes: int) -> bytes:
    """Undo one content coding, holding no more than the limit and one chunk before it is clear that the result fits.

    Args:
        body: as it came.
        coding: a name of `Content-Encoding`, in lower case.
        max_size_bytes: most bytes of the result.

    Raises:
        InputError: 400 when it is damaged, cut short or something else; 413 when the result would be larger; 415 when
            the library for it is not installed.
    """
    chunks: list[bytes] = []
    size_bytes = 0
    known = _CODINGS[coding]
    try:
        for chunk in known.unpack(body):
            size_bytes += len(chunk)
            if size_bytes > max_size_bytes:
                raise InputError(
                    f"The decompressed body is larger than {max_size_bytes} bytes",
                    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                )
            chunks.append(chunk)
    except PackedError as error:
        raise InputError(f"{known.title} decompression error") from error
    except MissingDependencyException as error:
        raise unsupported(f"Content-Encoding: {coding} is not supported here", error, _accepted()) from error
    return b"".join(chunks)


def _codings(header: str) -> list[str]:
    """The codings of a header in the order in which they are undone.

    Raises:
        InputError: 415 when there are too many, or one is not known.
    """
    names = [name.strip().lower() for name in header.split(",")]
    names = [name for name in names if name and name != "identity"]
    for name in names:
        if name not in _CODINGS:
            raise InputError(
                f"Content-Encoding: {name[:50]} is not supported here",
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                _accepted(),
            )
    if len(names) > MAX_CODINGS:
        raise InputError(
            f"The body has more than {MAX_CODINGS} content codings", HTTPStatus.UNSUPPORTED_MEDIA_TYPE, _accepted()
        )
    return names[::-1]


def _accepted() -> dict[str, str]:
    """What may be tried instead, in the header that RFC 9110 has for it."""
    names = [name for name, coding in _CODINGS.items() if coding.is_usable and name != "x-gzip"]
    return {"Accept-Encoding": ", ".join(names)}
