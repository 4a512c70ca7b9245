"""All keys of the configuration by their full names, read from the schema."""

from __future__ import annotations

import difflib
import types
import typing
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from bentoml.configuration.schema import Config

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bentoml.configuration.key import KeyRule, Section


@dataclass(frozen=True)
class Key:
    """One key.

    Attributes:
        name: full name, such as `bento_server.port`.
        kinds: the types that its value may have; `float` takes whole numbers too.
        default: its value when nobody sets it.
        rule: its meaning, and what values it takes.
    """

    name: str
    kinds: tuple[Any, ...]
    default: Any
    rule: KeyRule

    @property
    def takes_null(self) -> bool:
        """Whether it may be null."""
        return types.NoneType in self.kinds


@lru_cache(maxsize=1)
def known_keys() -> Mapping[str, Key]:
    """Every key by its full name, in the order of the schema."""
    return {key.name: key for key in _keys_of(Config, "")}


@lru_cache(maxsize=1)
def known_sections() -> Mapping[str, type[Section]]:
    """Every section by its full name; that of the whole is empty."""
    return dict(_sections_of(Config, ""))


def _keys_of(schema: type[Section], prefix: str) -> Iterator[Key]:
    hints = typing.get_type_hints(schema)
    for child, declaration in schema.declarations.items():
        name = f"{prefix}{child}"
        if declaration.rule is None:
            yield from _keys_of(declaration.section, f"{name}.")
        else:
            kind = hints[child]
            kinds = typing.get_args(kind) if isinstance(kind, types.UnionType) else (kind,)
            yield Key(name, kinds, declaration.default(), declaration.rule)


def _sections_of(schema: type[Section], name: str) -> Iterator[tuple[str, type[Section]]]:
    yield name, schema
    for child, declaration in schema.declarations.items():
        if declaration.section is not None:
            yield from _sections_of(declaration.section, f"{name}.{child}".lstrip("."))


def near(name: str) -> str | None:
    """The known key or section that an unknown name most likely means, or None."""
    parent, _, last = name.rpartition(".")
    known = [*known_keys(), *filter(None, known_sections())]
    squashed = [other for other in known if other.replace(".", "_") == name.replace(".", "_")]
    if squashed:
        return squashed[0]
    siblings = [other for other in known if other.rpartition(".")[0] == parent]
    for candidates in (siblings, known):
        if found := difflib.get_close_matches(name, candidates, n=1, cutoff=0.8 if candidates is known else 0.7):
            return found[0]
    # A key that stands in the wrong section.
    same_last = [other for other in known_keys() if other.rpartition(".")[2] == last]
    return same_last[0] if same_last else None
