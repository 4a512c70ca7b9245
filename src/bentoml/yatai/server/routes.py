"""What the server can be asked, as one table: each row says how, by whom, with what, and what the answer is.

The rows make the routes of the server, the checks before them, the OpenAPI document and the labels of the metrics.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from bentoml.exceptions import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import msgspec

    from bentoml.yatai.server.roles import Role

BYTES = "application/octet-stream"
FORM = "application/x-www-form-urlencoded"
GZIP = "application/gzip"
HTML = "text/html"
JSON = "application/json"
TEXT = "text/plain"


class About(Enum):
    """What a request is about, and so which patterns of names have to allow it."""

    NOTHING = "nothing"
    """Nothing that belongs to anybody, such as the health of the server."""
    NAME = "name"
    """The bundles of one name, which is in the path."""
    HANDLER = "handler"
    """Bundles whose names only the handler knows; it leaves out or refuses what the caller may not know."""
    WHOLE = "whole"
    """The registry as a whole: the caller must be allowed every name."""


@dataclass(frozen=True)
class Query:
    """One parameter behind the `?`.

    Attributes:
        name: of it.
        meaning: one sentence.
        kind: `str`, `int` or `bool`.
        default: its value when it is not given.
        least: smallest number.
        most: largest number, or most characters of a text.
        choices: the texts that are taken; empty for any.
        is_required: whether it must be given.
    """

    name: str
    meaning: str
    kind: type = str
    default: Any = None
    least: int = 0
    most: int = 1000
    choices: tuple[str, ...] = ()
    is_required: bool = False

    def read(self, text: str) -> Any:
        """The value of a text.

        Raises:
            InvalidArgument: it is none.
        """
        if self.kind is bool:
            if text.lower() in {"true", "1"}:
                return True
            if text.lower() in {"false", "0"}:
                return False
            raise InvalidArgument(f"{self.name} must be true or false, not {text[:50]!r}")
        if self.kind is int:
            if not (text.isascii() and text.isdigit() and len(text) <= 18 and self.least <= int(text) <= self.most):
                raise InvalidArgument(f"{self.name} must be a whole number from {self.least} to {self.most}")
            return int(text)
        if self.choices and text not in self.choices:
            raise InvalidArgument(f"{self.name} must be one of {', '.join(self.choices)}")
        if len(text) > self.most or "\0" in text:
            raise InvalidArgument(f"{self.name} must be a text of at most {self.most} characters without NUL")
        return text


@dataclass(frozen=True)
class Route:
    """One row.

    Attributes:
        method: of HTTP.
        path: below the prefix, with names in braces.
        operation: a name for it that no other row has.
        summary: what it does, in the imperative.
        handler: makes the answer from a `Call`; a plain function runs in a thread.
        role: what the caller needs; None lets in everybody.
        about: see `About`.
        query: parameters behind the `?`.
        body: type of the JSON body; a media type for one that the handler reads; None for none.
        answer: type of the JSON answer; a media type for other ones; None for none.
        status: of the answer when all is well.
        errors: statuses of errors, besides those that every row has.
        is_classic: whether errors have the classic form.
        headers: of requests, that the handler looks at: name -> meaning.
        has_tree: whether the body holds a list of files, which may be long.
    """

    method: str
    path: str
    operation: str
    summary: str
    handler: Callable[[Any], Any]
    role: Role | None
    about: About = About.HANDLER
    query: tuple[Query, ...] = ()
    body: type[msgspec.Struct] | str | None = None
    answer: type[msgspec.Struct] | str | None = None
    status: int = 200
    errors: tuple[int, ...] = ()
    is_classic: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    has_tree: bool = False

    @property
    def is_page(self) -> bool:
        """Whether it is for people: a page, a form, or what a page consists of."""
        return self.operation.startswith("page_")

    def read_query(self, given: list[tuple[str, str]]) -> dict[str, Any]:
        """Values of all parameters.

        Args:
            given: names and texts of a request.

        Raises:
            InvalidArgument: one is unknown, given twice, missing, or not what it should be.
        """
        known = {parameter.name: parameter for parameter in self.query}
        values = {parameter.name: parameter.default for parameter in self.query}
        seen = set()
        for name, text in given:
            if name not in known:
                taken = ", ".join(known) or "none"
                raise InvalidArgument(f"{name[:50]!r} is no parameter of this operation; it takes: {taken}")
            if name in seen:
                raise InvalidArgument(f"{name} is given twice; give it once")
            seen.add(name)
            values[name] = known[name].read(text)
        missing = [parameter.name for parameter in self.query if parameter.is_required and parameter.name not in seen]
        if missing:
            raise InvalidArgument(f"{missing[0]} is missing; add it to the address as ?{missing[0]}=")
        return values
