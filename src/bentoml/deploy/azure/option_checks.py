"""What the options of a deployment on Azure must be like; Azure says it later, and less clearly."""

from __future__ import annotations

import re
from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, Any

from bentoml.configuration.settings import environment_layer
from bentoml.exceptions import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_is_variable = re.compile(r"[A-Za-z_][A-Za-z0-9_]*").fullmatch
_is_location = re.compile(r"[a-z][a-z0-9]{2,}").fullmatch
_is_subscription = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}").fullmatch
_KINDS = {int: "a whole number", str: "a text", bool: "true or false", dict: "a mapping of texts to texts"}


def check_place(location: str, subscription: str | None) -> None:
    """Refuse what is no region, or no id of a subscription.

    Raises:
        InvalidArgument: one is none.
    """
    if not _is_location(location):
        raise InvalidArgument(
            f"location cannot be {location!r}: write the name that `az account list-locations` has, such as westeurope"
        )
    if subscription is not None and not _is_subscription(subscription):
        raise InvalidArgument(
            f"subscription cannot be {subscription!r}: write the id that `az account list` has, in small letters"
        )


def check_number(what: str, number: int | None, least: int, most: int) -> None:
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


def check_env(env: Mapping[str, str], own: Collection[str]) -> None:
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
        if "\0" in value:
            raise InvalidArgument(f"the environment variable {name} must be a text without NUL")
        if any(name.startswith(each[:-1]) if each.endswith("*") else name == each for each in own):
            raise InvalidArgument(f"leave {name} out of the variables: the deployment sets it")
    layer = environment_layer(tuple((name, value) for name, value in env.items() if name.startswith("BENTOML__")))
    if layer.problems:
        raise InvalidArgument(layer.problems[0])


def read_settings(options: type[Any], config: Mapping[str, Any], platform: str) -> dict[str, Any]:
    """The fields of a dataclass out of the settings of a record; None is unset.

    Args:
        options: the dataclass; the kind of a value is that of the default of its field, a text where that is None.
        config: settings by name.
        platform: how texts call it.

    Raises:
        InvalidArgument: one is unknown, missing, or of another kind.
    """
    known = {each.name: each for each in fields(options)}
    for name in sorted(set(config) - set(known)):
        raise InvalidArgument(f"A deployment on {platform} has no setting {name!r}; it has {', '.join(known)}")
    given = {name: value for name, value in config.items() if value is not None}
    for name, each in known.items():
        if name not in given and each.default is MISSING and each.default_factory is MISSING:
            raise InvalidArgument(f"The setting {name} is missing")
    for name, value in given.items():
        kind = options.KINDS.get(name, str)
        if type(value) is not kind or (kind is dict and not all(_is_pair(*pair) for pair in value.items())):
            raise InvalidArgument(f"{name} must be {_KINDS[kind]}, not {value!r}")
    return given


def _is_pair(name: Any, value: Any) -> bool:
    return isinstance(name, str) and isinstance(value, str)
