"""The settings of a record as options of a platform, and the checks that options of all platforms share.

Options are a frozen dataclass, whose fields say which kinds of values they take; `__post_init__` checks them.
"""

from __future__ import annotations

import re
from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, Any

from bentoml.configuration.settings import environment_layer
from bentoml.exceptions import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

MOST_WORKERS = 1024
_is_variable = re.compile(r"[A-Za-z_][A-Za-z0-9_]*").fullmatch


def _is_texts(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value)


def _is_mapping(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(item, str) for pair in value.items() for item in pair)


_KINDS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "bool": ("true or false", lambda value: type(value) is bool),
    "int": ("a whole number", lambda value: type(value) is int),
    "float": ("a number", lambda value: type(value) in {int, float}),
    "str": ("a text", lambda value: isinstance(value, str)),
    "tuple[str, ...]": ("a list of texts", _is_texts),
    "Mapping[str, str]": ("a mapping of texts to texts", _is_mapping),
}
"""How annotations of fields read, with what they are called and which values they take."""
_OR_NONE = " | None"


def read_settings(options: type[Any], config: Mapping[str, Any], platform: str) -> dict[str, Any]:
    """The fields of a dataclass out of the settings of a record, as JSON or YAML has them.

    Args:
        options: the dataclass; its module has `from __future__ import annotations`.
        config: settings by name; None is unset, but for a field that can be None.
        platform: how texts call it.

    Raises:
        InvalidArgument: one is unknown, missing, or of another kind.
    """
    known = {each.name: each for each in fields(options)}
    for name in sorted(set(config) - set(known)):
        raise InvalidArgument(f"A deployment on {platform} has no setting {name!r}; it has {', '.join(known)}")
    found = {}
    for name, each in known.items():
        kind, can_be_none = str(each.type).removesuffix(_OR_NONE), str(each.type).endswith(_OR_NONE)
        value = config.get(name)
        if value is not None:
            text, is_kind = _KINDS[kind]
            if not is_kind(value):
                raise InvalidArgument(f"{name} must be {text}, not {value!r}")
            found[name] = tuple(value) if kind.startswith("tuple") else value
        elif can_be_none and name in config:
            found[name] = None
        elif each.default is MISSING and each.default_factory is MISSING:
            raise InvalidArgument(f"The setting {name} is missing")
    return found


def check_number(what: str, number: float | None, least: float, most: float) -> None:
    """Refuse a number out of bounds; None is unset.

    Raises:
        InvalidArgument: it is.
    """
    if number is not None and not least <= number <= most:
        raise InvalidArgument(f"{what} must be {least} to {most}, not {number}")


def check_choice(what: str, value: str, choices: Collection[str]) -> None:
    """Refuse what is none of some words.

    Raises:
        InvalidArgument: it is none.
    """
    if value not in choices:
        raise InvalidArgument(f"{what} must be one of {', '.join(choices)}, not {value!r}")


def check_variables(env: Mapping[str, str], own: Collection[str]) -> None:
    """Refuse variables that no process can have, that the deployment sets itself, or that the server would refuse.

    Args:
        env: values by name.
        own: names that the deployment sets; one that ends with `*` stands for all that begin so.

    Raises:
        InvalidArgument: one is such.
    """
    for name, value in env.items():
        if not _is_variable(name):
            raise InvalidArgument(f"{name!r} cannot be the name of an environment variable; write NAME=VALUE")
        if "\0" in value or any("\ud800" <= each <= "\udfff" for each in value):
            raise InvalidArgument(f"the environment variable {name} must be a text without NUL")
        if any(name.startswith(each[:-1]) if each.endswith("*") else name == each for each in own):
            raise InvalidArgument(f"leave {name} out of the variables: the deployment sets it")
    layer = environment_layer(settings_of_server(env))
    if layer.problems:
        raise InvalidArgument(layer.problems[0])


def settings_of_server(env: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """The variables that change the configuration of the server, or try to."""
    return tuple((name, value) for name, value in env.items() if name.upper().startswith("BENTOML__"))
