"""What a line of the access log looks like. Whatever a client sends, it makes one line and nothing but text."""

from __future__ import annotations

import json
from json.encoder import encode_basestring_ascii as quoted
from typing import Any, Protocol

# Of a path; one request must not fill the log.
MAX_PATH = 1024
# Stands where nothing is known.
NOTHING = "-"


class Target(Protocol):
    """What was asked for: the method and the decoded path. Requests with the same head share it.

    Attributes:
        line_text: both as the lines have them, once made.
    """

    line_text: str | None

    @property
    def method(self) -> str:
        """As the client has sent it."""

    @property
    def path(self) -> str:
        """Decoded, without the query."""


class OtherTarget:
    """What a request for no API asks for."""

    __slots__ = ("line_text", "method", "path")

    def __init__(self, method: str, path: str) -> None:
        self.method = method
        self.path = path
        self.line_text: str | None = None


def text_of(target: Target) -> str:
    """Method and path in a line of text."""
    return f'"{printable(target.method)} {printable(target.path)}"'


def json_of(target: Target) -> str:
    """Method and path in a line of JSON, without the braces."""
    return f'"method": {json.dumps(target.method)}, "path": {json.dumps(_cut(target.path))}'


def text_line(when: str, client: str, what: str, status: int, size_bytes: int, ms: float, request_id: str) -> str:
    """A line of text; `what` is from `text_of`."""
    return f"{when} {client} {what} {status} {size_bytes} {ms:.2f} {request_id}\n"


def json_line(when: str, client: str, what: str, status: int, size_bytes: int, ms: float, request_id: str) -> str:
    """A line of JSON; `what` is from `json_of`."""
    return (
        f'{{"time": "{when}", "client": {quoted(client)}, {what}, "status": {status}, '
        f'"bytes": {size_bytes}, "ms": {ms:.2f}, "request_id": {quoted(request_id)}}}\n'
    )


def as_text(line: dict[str, Any]) -> str:
    """A line of JSON as one of text, without the LF."""
    what = text_of(OtherTarget(line["method"], line["path"]))
    values = (line["status"], line["bytes"], line["ms"], line["request_id"])
    return text_line(line["time"], line["client"], what, *values).removesuffix("\n")


def printable(text: str) -> str:
    """Text with escapes for quotes, backslashes and everything that cannot be seen; long text is cut."""
    text = _cut(text)
    if text.isprintable() and '"' not in text and "\\" not in text:
        return text
    return "".join(map(_escaped, text))


def _escaped(character: str) -> str:
    if character == '"':
        return '\\"'
    if character.isprintable() and character != "\\":
        return character
    return character.encode("unicode_escape").decode("ascii")


def _cut(text: str) -> str:
    return text if len(text) <= MAX_PATH else f"{text[:MAX_PATH]}..."
