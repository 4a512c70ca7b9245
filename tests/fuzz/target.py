"""One API to send anything to, and how the requests to it are made."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import brotli

from bentoml._util.optional import require
from bentoml.adapters.wire.unpackers import ZSTD_LIBRARY
from bentoml.service.inference_api import InferenceAPI
from bentoml.types import HTTPRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    from bentoml.adapters import BaseInputAdapter

zstd = require(ZSTD_LIBRARY, ZSTD_LIBRARY)
FORM = "multipart/form-data; boundary=b"
PACKERS = {"gzip": gzip.compress, "deflate": zlib.compress, "br": brotli.compress, "zstd": zstd.compress}
# Content types that a fuzzer may give any body, beside those of the seeds.
CONTENT_TYPES = (
    "",
    "application/json",
    "application/json; charset=utf-16",
    "text/csv",
    "text/csv; charset=nonsense",
    "text/plain",
    "application/octet-stream",
    "application/vnd.apache.arrow.stream",
    "application/vnd.apache.arrow.file",
    "application/vnd.apache.parquet",
    "application/vnd.msgpack",
    "application/x-npy",
    "image/png",
    FORM,
)


@dataclass(frozen=True)
class Head:
    """What a request says before its body.

    Attributes:
        content_type: empty where it has none.
        headers: all others.
        path: under which it is sent.
    """

    content_type: str
    headers: tuple[tuple[str, str], ...] = ()
    path: str = "/fuzzed"

    def request(self, body: bytes) -> HTTPRequest:
        """The request with a body."""
        content_type = [("content-type", self.content_type)] if self.content_type else []
        return HTTPRequest([*content_type, *self.headers], body, path=self.path)


@dataclass(frozen=True)
class Target:
    """One API to send anything to.

    Attributes:
        adapter: makes the input adapter.
        function: of the API; it raises for nothing.
        seeds: head, or only its content type, and body of requests that are answered 200; they differ as much as
            possible.
        batch: as for `@api`.
    """

    adapter: Callable[[], BaseInputAdapter]
    function: Callable[..., Any]
    seeds: tuple[tuple[str | Head, bytes], ...]
    batch: bool = True

    def api(self) -> InferenceAPI:
        """The API, without a service."""
        return InferenceAPI(None, "fuzzed", "", self.adapter(), self.function, batch=self.batch)

    @property
    def requests(self) -> list[tuple[Head, bytes]]:
        """The seeds with their whole heads."""
        return [(Head(head) if isinstance(head, str) else head, body) for head, body in self.seeds]

    @property
    def heads(self) -> tuple[Head, ...]:
        """Those of the seeds first, then one for each content type and coding."""
        others = [*map(Head, CONTENT_TYPES), *(packed("application/json", coding) for coding in PACKERS)]
        return tuple(dict.fromkeys([*(head for head, _ in self.requests), *others]))


def packed(content_type: str, coding: str) -> Head:
    """The head of a request whose body is packed."""
    return Head(content_type, (("content-encoding", coding),))


def form(*parts: tuple[str, str | None, str, bytes]) -> bytes:
    """A body for the content type `FORM`.

    Args:
        *parts: name, file name (None for a plain value), content type and content of each field.
    """
    body = b""
    for name, file_name, content_type, content in parts:
        file = "" if file_name is None else f'; filename="{file_name}"'
        kind = f"\r\nContent-Type: {content_type}" if content_type else ""
        body += f'--b\r\nContent-Disposition: form-data; name="{name}"{file}{kind}\r\n\r\n'.encode() + content + b"\r\n"
    return body + b"--b--\r\n"


def texts_of(values: Any) -> list[str]:
    """One text per element, which tells it from others."""
    return [repr(value)[:200] for value in values]


def texts_of_rows(frame: Any) -> list[str]:
    """One text per row of a frame: names, types and values."""
    names = list(zip(frame, frame.dtypes, strict=True))
    return [repr((names, row))[:400] for row in frame.itertuples(index=False, name=None)]


def texts_of_images(images: Any) -> list[str]:
    """One text per image: what it is, and some of its pixels."""
    return [f"{image.shape} {image.dtype} {image.ravel()[:8].tolist()} {sorted(image.meta)}" for image in images]
