"""Bodies that are kept in memory and sent many times: with an entity tag, compressed when the client takes that."""

from __future__ import annotations

import gzip
import hashlib
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from bentoml._util.accept import qualities

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

# Below this many bytes compression saves nothing worth its headers.
_COMPRESS_FROM = 1024
# The client may keep a copy but asks each time whether it is still good.
REVALIDATE = "no-cache"


class Document:
    """One body with its headers.

    Args:
        content: the bytes.
        content_type: media type, with its charset where it has one.
        cache_control: value of that header.
        headers: further headers.
    """

    def __init__(
        self,
        content: bytes,
        content_type: str,
        *,
        cache_control: str = REVALIDATE,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.content = content
        self.digest = hashlib.sha256(content).hexdigest()[:20]
        self._headers = {**(headers or {}), "content-type": content_type, "cache-control": cache_control}
        self._compressed: bytes | None = None

    async def respond(self, request: Request, *, cache_control: str | None = None) -> Response:
        """Answer a GET or HEAD request: 200 with the body, or 304 when the client's copy is still good.

        Args:
            request: the request.
            cache_control: takes the place of the document's own value.
        """
        headers = dict(self._headers)
        if cache_control is not None:
            headers["cache-control"] = cache_control
        body, tag = self.content, f'"{self.digest}"'
        if len(body) >= _COMPRESS_FROM:
            headers["vary"] = "accept-encoding"
            if accepts_gzip(request.headers.get("accept-encoding", "")):
                headers["content-encoding"] = "gzip"
                # A tag names bytes, and these are other bytes.
                tag = f'"{self.digest}-gz"'
        headers["etag"] = tag
        if matches(request.headers.get("if-none-match", ""), tag):
            headers.pop("content-encoding", None)
            return Response(status_code=304, headers=headers)
        if "content-encoding" in headers:
            body = await self._gzipped()
        return Response(body, headers=headers)

    async def _gzipped(self) -> bytes:
        if self._compressed is None:
            # Swagger UI takes tens of milliseconds; inference must not wait for it.
            self._compressed = await run_in_threadpool(gzip.compress, self.content, 6, mtime=0)
        return self._compressed


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether a value of `Accept-Encoding` names gzip and does not weigh it 0."""
    return qualities(accept_encoding).get("gzip", 0.0) > 0


def matches(if_none_match: str, tag: str) -> bool:
    """Whether a value of `If-None-Match` holds an entity tag."""
    held = [part.strip().removeprefix("W/") for part in if_none_match.split(",")]
    return tag in held or held == ["*"]
