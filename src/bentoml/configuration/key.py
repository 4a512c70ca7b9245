"""Keys and sections of the configuration, as the schema declares them.

A section is no dataclass: those write and compile code for each class, which for so many takes six times as long as all
the rest of this package.
"""

from __future__ import annotations

from dataclasses import FrozenInstanceError, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, NoReturn, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self, dataclass_transform
else:

    def dataclass_transform(**_: Any) -> Callable[[T], T]:
        """For type checkers alone; Python 3.10 has none."""
        return lambda decorated: decorated


T = TypeVar("T")


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
        A declaration; the type is that of the default, so that type checkers compare it with the annotation.
    """
    rule = KeyRule(meaning, unit, at_least, at_most, above, choices, any_case, form, secret)
    made: Any = Declaration(default.copy if isinstance(default, list) else lambda: default, rule=rule)
    declared: T = made
    return declared


def section(schema: type[T]) -> T:
    """Declare a section in a section; the docstring of its class says what it is about."""
    made: Any = Declaration(schema, section=schema)
    declared: T = made
    return declared


class Declaration(NamedTuple):
    """What the schema says about one name in a section.

    Attributes:
        default: makes the value that it has when nobody sets it.
        rule: of a key; None for a section.
        section: its class; None for a key.
    """

    default: Callable[[], Any]
    rule: KeyRule | None = None
    section: Any = None


@dataclass_transform(kw_only_default=True, frozen_default=True)
class Section:  # noqa: PLW1641 - lists are among the values, so it cannot be hashed
    """Values of the keys of a section, which never change; what is not given has its default.

    Attributes:
        declarations: all keys and sections in it by name, in their order.

    Raises:
        TypeError: it has no such key.
    """

    declarations: ClassVar[dict[str, Declaration]] = {}

    def __init_subclass__(cls) -> None:
        cls.declarations = {name: found for name, found in vars(cls).items() if isinstance(found, Declaration)}
        for name in cls.declarations:
            delattr(cls, name)

    def __init__(self, **values: Any) -> None:
        for name, declaration in self.declarations.items():
            vars(self)[name] = values.pop(name) if name in values else declaration.default()
        if values:
            raise TypeError(f"{type(self).__name__} has no key {min(values)}")

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise FrozenInstanceError(f"{type(self).__name__}.{name} cannot be changed")

    def __delattr__(self, name: str) -> NoReturn:
        raise FrozenInstanceError(f"{type(self).__name__}.{name} cannot be deleted")

    def __eq__(self, other: object) -> bool:
        return vars(self) == vars(other) if type(other) is type(self) else NotImplemented

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"

    def changed(self, **values: Any) -> Self:
        """The same section with other values of some keys.

        Raises:
            TypeError: it has no such key.
        """
        return type(self)(**{**vars(self), **values})

    def as_dict(self) -> dict[str, Any]:
        """All values by their names, those of sections likewise."""
        return {name: value.as_dict() if isinstance(value, Section) else value for name, value in vars(self).items()}
