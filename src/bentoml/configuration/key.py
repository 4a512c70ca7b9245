"""One key of the configuration, as the schema declares it: default, meaning, unit and range in one place."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")

_RULE = "bentoml.key"


class Form(NamedTuple):
    """What a text has to look like.

    Attributes:
        pattern: a regular expression for the whole of it.
        words: the same for readers, as it is said after "must be".
    """

    pattern: str
    words: str


@dataclass(frozen=True)
class KeyRule:
    """What the schema says about a key, beside its type and default.

    Attributes:
        meaning: one line of Markdown for the reference page.
        unit: of a number, in words, such as `seconds`; empty for none.
        at_least: smallest number that is taken.
        at_most: largest number that is taken.
        above: the number has to be larger than this.
        choices: the texts that are taken; empty for any.
        any_case: whether a choice may be written in capitals or not.
        form: what the text has to look like; None for any.
        secret: whether the value is a secret, which is shown only to those who ask for it.
    """

    meaning: str
    unit: str = ""
    at_least: float | None = None
    at_most: float | None = None
    above: float | None = None
    choices: tuple[str, ...] = ()
    any_case: bool = False
    form: Form | None = None
    secret: bool = False


def key(
    default: T,
    meaning: str,
    *,
    unit: str = "",
    at_least: float | None = None,
    at_most: float | None = None,
    above: float | None = None,
    choices: tuple[str, ...] = (),
    any_case: bool = False,
    form: Form | None = None,
    secret: bool = False,
) -> T:
    """Declare a key as a field of a section. See `KeyRule` for the arguments.

    Returns:
        A dataclass field; the type is that of the default, so that type checkers compare it with the annotation.
    """
    rule = KeyRule(meaning, unit, at_least, at_most, above, choices, any_case, form, secret)
    metadata = {_RULE: rule}
    made: Any
    if isinstance(default, list):
        items = list(default)
        made = field(default_factory=lambda: list(items), metadata=metadata)
    else:
        made = field(default=default, metadata=metadata)
    declared: T = made
    return declared


def section(schema: type[T]) -> T:
    """Declare a section in a section; the docstring of its class says what it is about."""
    made: Any = field(default_factory=schema)
    declared: T = made
    return declared


def rule_of(metadata: Any) -> KeyRule:
    """The rule in the metadata of a dataclass field that `key` has made."""
    rule: KeyRule = metadata[_RULE]
    return rule
