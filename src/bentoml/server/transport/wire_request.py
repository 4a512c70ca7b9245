"""Requests as a worker sees them: made from a `CALL` frame, with headers that are read once for all that share them."""

from __future__ import annotations

from typing import Any

from bentoml._util.bounded_memo import BoundedMemo
from bentoml._util.http_headers import HTTPHeaders
from bentoml.server.transport.body_pool import read_body
from bentoml.types import HTTPRequest

MAX_KEPT = 512
MAX_KEPT_BYTES = 4096


class Fields:
    """The header fields of a head, read. It is shared by requests, and never changed.

    Args:
        block: `name: value` lines, each ended by CRLF, names in lower case.
    """

    __slots__ = ("content_encoding", "content_type_and_charset", "first", "pairs")

    def __init__(self, block: bytes) -> None:
        lines = block.decode("latin-1").split("\r\n")[:-1]
        self.pairs = tuple([(name, value) for name, _, value in (line.partition(": ") for line in lines)])
        self.first = dict(reversed(self.pairs))
        headers = HTTPHeaders(self.pairs)
        self.content_type_and_charset = headers.content_type_and_charset
        self.content_encoding = headers.content_encoding


class WireHeaders(HTTPHeaders):
    """Headers of one request; they stand on shared fields until somebody changes them."""

    __slots__ = ("_fields", "_own")

    def __init__(self, fields: Fields) -> None:
        self._fields: Fields | None = fields
        self._own: tuple[tuple[str, str], ...] = ()

    @property
    def shared(self) -> Fields | None:
        """The fields that these headers still are; None when somebody has changed them."""
        return self._fields

    @property
    def _pairs(self) -> tuple[tuple[str, str], ...]:
        return self._own if self._fields is None else self._fields.pairs

    @_pairs.setter
    def _pairs(self, pairs: tuple[tuple[str, str], ...]) -> None:
        self._fields = None
        self._own = pairs

    def get(self, name: str, default: Any = None, /) -> Any:
        """First value of `name`, or `default`."""
        if self._fields is None:
            return super().get(name, default)
        return self._fields.first.get(name.lower(), default)

    @property
    def content_type_and_charset(self) -> tuple[str, str | None]:
        """Both with one look at the header."""
        return super().content_type_and_charset if self._fields is None else self._fields.content_type_and_charset

    @property
    def content_encoding(self) -> str:
        """`Content-Encoding`, lower case; empty when not given."""
        return super().content_encoding if self._fields is None else self._fields.content_encoding


_kept: BoundedMemo[bytes, Fields] = BoundedMemo(MAX_KEPT)


def fields_of(block: bytes) -> Fields:
    """Read a block of header lines, or look up what the same bytes gave before."""
    fields = _kept.get(block)
    if fields is None:
        fields = Fields(block)
        if len(block) <= MAX_KEPT_BYTES:
            _kept.keep(block, fields)
    return fields


def requests_of(heads: list[Any], items: list[Any]) -> list[HTTPRequest]:
    """The requests of a `CALL` frame.

    Args:
        heads: `[method, path, query, fields]` each.
        items: `[request_id, number of the head, client, body]` each; the body may be a reference to a slot.

    Raises:
        UnreadableBodyError: a slot cannot be read.
    """
    known = [(fields_of(block), method, path, query) for method, path, query, block in heads]
    requests = []
    for _, number, client, body in items:
        fields, method, path, query = known[number]
        content = read_body(body) if isinstance(body, list) else body
        requests.append(HTTPRequest(WireHeaders(fields), content, method, path, query, client))
    return requests
