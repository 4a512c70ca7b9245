"""What is wrong with a value, in one form whichever library found it: `$.items[0].price: expected float, got str`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MAX_PATH_CHARACTERS = 150
MAX_TEXT_CHARACTERS = 200
MISSING = "is missing"
UNKNOWN = "is not known"

_IDENTIFIER = re.compile(r"[^\W\d]\w*\Z").match
# `msgspec` puts the path behind its text.
_MSGSPEC = re.compile(r"(?P<text>.*?)(?: - at `(?P<path>(?:key in )?\$.*)`)?\Z", re.DOTALL)
_MSGSPEC_FIELD = re.compile(r"Object (?P<what>missing required|contains unknown) field `(?P<name>.*)`\Z", re.DOTALL)

# What a value should have been, by the type of pydantic's error.
_EXPECTED = {
    "bool_parsing": "bool",
    "bool_type": "bool",
    "dataclass_type": "object",
    "dict_type": "object",
    "float_parsing": "float",
    "float_type": "float",
    "int_from_float": "int",
    "int_parsing": "int",
    "int_type": "int",
    "list_type": "array",
    "mapping_type": "object",
    "model_type": "object",
    "none_required": "null",
    "set_type": "array",
    "string_type": "str",
    "tuple_type": "array",
}
_COMPARED = {
    "greater_than": (">", "gt"),
    "greater_than_equal": (">=", "ge"),
    "less_than": ("<", "lt"),
    "less_than_equal": ("<=", "le"),
}


def refusal(path: str, text: str) -> str:
    """One line about one place, of bounded length and without control characters.

    Args:
        path: from `$`, the whole value.
        text: what is wrong there.
    """
    return f"{_bounded(path, MAX_PATH_CHARACTERS)}: {_bounded(text, MAX_TEXT_CHARACTERS)}"


def _bounded(text: str, limit: int) -> str:
    text = text if len(text) <= limit else f"{text[: limit - 3]}..."
    return text if text.isprintable() else "".join(one if one.isprintable() else "?" for one in text)


def field_path(path: str, *steps: int | str) -> str:
    """The path of what is inside: by position in a list, by name in an object."""
    for step in steps:
        if isinstance(step, int):
            path = f"{path}[{step}]"
        else:
            # A client can give a name of any length; no more than the bound is worth looking at.
            name = step[:MAX_PATH_CHARACTERS]
            path = f"{path}.{name}" if _IDENTIFIER(name) else f"{path}[{name!r}]"
    return path


def of_msgspec(text: str, where: str = "$") -> str:
    """The line for the text of a `msgspec.ValidationError`.

    Args:
        text: of the error.
        where: path of the value that was decoded.
    """
    found = _MSGSPEC.match(text)
    assert found is not None
    what, path = found["text"], where + (found["path"] or "$").removeprefix("key in ")[1:]
    field = _MSGSPEC_FIELD.match(what)
    if field is not None:
        path = field_path(path, field["name"])
        return refusal(path, MISSING if field["what"].startswith("missing") else UNKNOWN)
    if what.startswith("$"):
        # A hook has already written a line, about a place inside of this one.
        inner, _, what = what.partition(": ")
        path += inner[1:]
    return refusal(path, _lower_first(what.replace("`", "")))


def of_pydantic(error: Mapping[str, Any]) -> str:
    """The line for one entry of `pydantic.ValidationError.errors()`."""
    path = field_path("$", *_steps(error["loc"]))
    kind, context = error["type"], error.get("ctx") or {}
    if kind == "missing":
        return refusal(path, MISSING)
    if kind == "extra_forbidden":
        return refusal(path, UNKNOWN)
    if kind in _EXPECTED:
        return refusal(path, f"expected {_EXPECTED[kind]}, got {json_type(error.get('input'))}")
    if kind in _COMPARED:
        sign, name = _COMPARED[kind]
        return refusal(path, f"expected {json_type(context.get(name))} {sign} {context.get(name)}")
    if kind in {"enum", "literal_error"}:
        return refusal(path, f"invalid enum value {_short(error.get('input'))}")
    return refusal(path, _lower_first(error["msg"]))


def _steps(location: Sequence[Any]) -> list[int | str]:
    return [step if isinstance(step, int) else str(step) for step in location]


def _short(value: Any) -> str:
    return repr(value[:MAX_TEXT_CHARACTERS]) if isinstance(value, str) else json_type(value)


def json_type(value: Any) -> str:
    """What JSON calls the type of a value."""
    if value is None:
        return "null"
    if isinstance(value, dict):
        return "object"
    return "array" if isinstance(value, (list, tuple)) else type(value).__name__


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:] if not text[:2].isupper() else text
