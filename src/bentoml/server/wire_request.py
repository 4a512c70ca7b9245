"""Requests as a worker sees them: made from the items of a `CALL` frame, headers decoded only when asked for."""

from __future__ import annotations

from typing import Any

from bentoml._util.http_headers import HTTPHeaders
from bentoml.types import HTTPRequest


class WireHeaders(HTTPHeaders):
    """Headers that stay bytes until somebody wants all of them; single look-ups decode one value.

    Args:
        raw: [name, value] pairs of bytes, names in lower case.
    """

    __slots__ = ("_decoded", "_raw")

    def __init__(self, raw: list[list[bytes]]) -> None:
        self._raw = raw
        self._decoded: list[tuple[str, str]] | None = None

    @property
    def _pairs(self) -> list[tuple[str, str]]:
        if self._decoded is None:
            self._decoded = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in self._raw]
        return self._decoded

    @_pairs.setter
    def _pairs(self, pairs: list[tuple[str, str]]) -> None:
        self._decoded = pairs

    def get(self, name: str, default: Any = None, /) -> Any:
        """First value of `name`, or `default`."""
        if self._decoded is not None:
            return super().get(name, default)
        wanted = name.lower().encode("latin-1")
        for key, value in self._raw:
            if key == wanted:
                return value.decode("latin-1")
        return default


def request_of(item: list[Any]) -> HTTPRequest:
    """The request of one item `[request_id, method, path, query, client, headers, body]`."""
    _, method, path, query, client, headers, body = item
    return HTTPRequest(WireHeaders(headers), body, method, path, query, client)
