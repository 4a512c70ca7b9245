"""A case-insensitive multi-dict for HTTP headers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from bentoml._util.bounded_memo import BoundedMemo

MAX_KEPT = 256
# Longer values are read each time, for nobody repeats them.
MAX_KEPT_CHARACTERS = 256


class HTTPHeaders(Mapping[str, str]):
    """HTTP headers: names ignore case, a name may occur more than once, order is kept.

    As a mapping it shows the first value of each name; `getlist` shows all. A copy costs next to nothing: the
    pairs are never changed in place.

    Args:
        pairs: a mapping, or an iterable of (name, value).
    """

    __slots__ = ("_pairs",)

    def __init__(self, pairs: Mapping[str, str] | Iterable[tuple[str, str]] | None = None) -> None:
        if pairs is None:
            self._pairs: tuple[tuple[str, str], ...] = ()
        elif isinstance(pairs, HTTPHeaders):
            self._pairs = pairs._pairs
        elif isinstance(pairs, Mapping):
            self._pairs = tuple(pairs.items())
        else:
            self._pairs = tuple([(name, value) for name, value in pairs])

    def copy(self) -> HTTPHeaders:
        """The same headers, to be changed by themselves."""
        copied = HTTPHeaders.__new__(HTTPHeaders)
        copied._pairs = self._pairs
        return copied

    @classmethod
    def from_dict(cls, mapping: Mapping[str, str]) -> HTTPHeaders:
        """Make headers from a mapping."""
        return cls(mapping)

    @classmethod
    def from_sequence(cls, pairs: Iterable[tuple[str, str]]) -> HTTPHeaders:
        """Make headers from (name, value) pairs."""
        return cls(pairs)

    def __getitem__(self, name: str) -> str:
        value = self.get(name)
        if value is None:
            raise KeyError(name)
        return str(value)

    def get(self, name: str, default: Any = None, /) -> Any:
        """First value of `name`, or `default`."""
        wanted = name.lower()
        length = len(wanted)
        for key, value in self._pairs:
            # Lengths first: most names differ in it, and folding every name costs more than all else here.
            if len(key) == length and (key == name or key.lower() == wanted):
                return value
        return default

    def getlist(self, name: str) -> list[str]:
        """All values of `name`, in order."""
        wanted = name.lower()
        return [value for key, value in self._pairs if key.lower() == wanted]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.get(name) is not None

    def __iter__(self) -> Iterator[str]:
        seen = set()
        for key, _ in self._pairs:
            if key.lower() not in seen:
                seen.add(key.lower())
                yield key

    def __len__(self) -> int:
        return len({key.lower() for key, _ in self._pairs})

    def __setitem__(self, name: str, value: str) -> None:
        others = self._pairs
        if name in self:
            others = tuple([pair for pair in others if pair[0].lower() != name.lower()])
        self._pairs = (*others, (name, value))

    def add(self, name: str, value: str) -> None:
        """Add a value beside those that `name` already has."""
        self._pairs = (*self._pairs, (name, value))

    def setdefault(self, name: str, value: str) -> str:
        """Set `name` unless it is there; returns the value it then has."""
        current: str | None = self.get(name)
        if current is not None:
            return current
        self._pairs = (*self._pairs, (name, value))
        return value

    def __eq__(self, other: object) -> bool:
        if isinstance(other, HTTPHeaders):
            return self._folded() == other._folded()
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]  # mutable

    def _folded(self) -> list[tuple[str, str]]:
        return [(key.lower(), value) for key, value in self._pairs]

    def __repr__(self) -> str:
        return f"HTTPHeaders({list(self._pairs)!r})"

    def to_json(self) -> tuple[tuple[str, str], ...]:
        """All (name, value) pairs in order."""
        return self._pairs

    @property
    def content_type(self) -> str:
        """Media type of the body, lower case, without parameters; empty when not given."""
        return self.content_type_and_charset[0]

    @property
    def charset(self) -> str | None:
        """The `charset` parameter of the content type, or None."""
        return self.content_type_and_charset[1]

    @property
    def content_type_and_charset(self) -> tuple[str, str | None]:
        """Both with one look at the header."""
        header: str = self.get("content-type", "")
        known = _content_types.get(header)
        if known is None:
            known = _read_content_type(header)
            if len(header) <= MAX_KEPT_CHARACTERS:
                _content_types.keep(header, known)
        return known

    @property
    def content_encoding(self) -> str:
        """`Content-Encoding`, lower case; empty when not given."""
        header: str = self.get("content-encoding", "")
        return header.strip().lower()

    @property
    def is_batch_input(self) -> bool | None:
        """What the header `Bentoml-Is-Batch-Request` says; None when it is not given."""
        value: str | None = self.get("bentoml-is-batch-request")
        if not value:
            return None
        return value.strip().lower() == "true"


# Value of `Content-Type` -> media type and charset.
_content_types: BoundedMemo[str, tuple[str, str | None]] = BoundedMemo(MAX_KEPT)


def _read_content_type(header: str) -> tuple[str, str | None]:
    media_type, *parameters = header.split(";")
    charset = None
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            charset = value.strip().strip("\"'") or None
            break
    return media_type.strip().lower(), charset
