"""Keys in environment variables: `BENTOML__BENTO_SERVER__PORT=8080` is `bento_server.port: 8080`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bentoml.configuration.keys import known_keys, known_sections
from bentoml.exceptions import BentoMLConfigException

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "BENTOML__"

_HOW_TO_FIX = f"names that begin with {PREFIX} are kept for the configuration: correct it, or unset it"


def variable_of(name: str) -> str:
    """The variable of a key or a section."""
    return PREFIX + name.upper().replace(".", "__")


def variables(environ: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """The variables that are for the configuration, in any case, sorted."""
    return tuple(sorted((name, text) for name, text in environ.items() if name.upper().startswith(PREFIX)))


def key_of(variable: str) -> str | None:
    """The name of the key that a variable sets; None when there is no such key."""
    return {variable_of(name): name for name in known_keys()}.get(variable.upper())


def problem_with_name(variable: str) -> str:
    """Why a variable names no key, and what to do."""
    from bentoml.configuration import old_names
    from bentoml.configuration.keys import near

    name = variable[len(PREFIX) :].lower().replace("__", ".")
    if name in known_sections() and name:
        example = next(key for key in known_keys() if key.startswith(f"{name}."))
        return f"'{name}' is a section; set its keys one by one, such as {variable_of(example)}"
    hint = old_names.hint(name)
    if hint is not None:
        renamed = old_names.new_name(name)
        return f"'{name}' is a key of releases before 0.12: " + (
            hint if renamed is None else f"{hint}, so the variable is {variable_of(renamed)}"
        )
    meant = near(name)
    return (
        f"there is no key '{name}'" + (f"; did you mean {variable_of(meant)}?" if meant else "") + f" ({_HOW_TO_FIX})"
    )


def read_variable(variable: str, text: str) -> tuple[str, Any]:
    """The key that a variable sets, and the value, which is not checked.

    Raises:
        BentoMLConfigException: it names no key, or its value is no YAML; the text does not name the variable.
    """
    from bentoml.configuration.text_value import value_from_text

    name = key_of(variable)
    if name is None:
        raise BentoMLConfigException(problem_with_name(variable))
    return name, value_from_text(known_keys()[name], text)
