"""The options that say how an environment is made, for `bentoml env create` and beside `--isolated` alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from bentoml.deploy.environment import EnvironmentOptions

F = TypeVar("F", bound="Callable[..., Any]")

ISOLATED = "isolated"
_SETTINGS: dict[str, dict[str, Any]] = {
    "python": {
        "metavar": "VERSION|PATH",
        "help": "Python to make the environment with.  [the version that saved the bundle]",
    },
    "only-wheels": {
        "is_flag": True,
        "help": "Build nothing from source for the environment, so that nothing of a package runs.",
    },
    "installer": {
        "type": click.Choice(["uv", "pip"]),
        "help": "What installs into the environment.  [uv when it is on PATH, else pip]",
    },
}


def making_options(function: F, prefix: str = "") -> F:
    """Add `--python`, `--only-wheels` and `--installer`, or `--PREFIX-python` and so on."""
    for name, settings in reversed(_SETTINGS.items()):
        function = click.option(f"--{_prefixed(name, prefix)}", **settings)(function)
    return function


def isolation_options(function: F) -> F:
    """Add `--isolated`, and `--isolated-python` and so on, which are for the environment of that."""
    flag = click.option(f"--{ISOLATED}", is_flag=True,
                        help="Run in the bundle's own environment; made when it is not there.")  # fmt: skip
    return flag(making_options(function, ISOLATED))


def taken_isolation(options: dict[str, Any], *, verify: bool) -> EnvironmentOptions | None:
    """Take what `isolation_options` added out of the options of a command; None where `--isolated` was not given.

    Raises:
        click.UsageError: an option for the environment was given without it.
    """
    is_isolated = options.pop(ISOLATED)
    given = {name.replace("-", "_"): options.pop(_prefixed(name, ISOLATED).replace("-", "_")) for name in _SETTINGS}
    if is_isolated:
        from bentoml.deploy.environment import EnvironmentOptions

        return EnvironmentOptions(**given, verify=verify)
    for name, value in given.items():
        if value:
            option = f"--{ISOLATED}-{name.replace('_', '-')}"
            raise click.UsageError(f"{option} is for the environment that --{ISOLATED} makes; give that, too")
    return None


def without_isolation(words: list[str], *others: str) -> list[str]:
    """The words that a user has typed without these options, which an older library may not know.

    Args:
        words: the words.
        *others: options that take a value and go, too.
    """
    flags = {f"--{ISOLATED}"}
    with_value = set(others)
    for name, settings in _SETTINGS.items():
        (flags if settings.get("is_flag") else with_value).add(f"--{_prefixed(name, ISOLATED)}")
    kept: list[str] = []
    left = iter(words)
    for word in left:
        if word == "--":
            return [*kept, word, *left]
        if word in with_value:
            next(left, None)
        elif word not in flags and word.partition("=")[0] not in with_value:
            kept.append(word)
    return kept


def _prefixed(name: str, prefix: str) -> str:
    return f"{prefix}-{name}" if prefix else name
