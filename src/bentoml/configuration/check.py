"""Whether a value is one that a key takes, and the sentence that says why not."""

from __future__ import annotations

import re
import reprlib
import sys
import types
import typing
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bentoml.configuration.keys import Key

_SHOWN = reprlib.Repr()
_SHOWN.maxstring = _SHOWN.maxother = 80

_KIND_NAMES = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    types.NoneType: "null",
    dict: "a mapping",
    list: "a list",
}


def problem_with(key: Key, value: Any) -> str | None:
    """What is wrong with a value for a key, to be read after the name of the key; None when nothing is."""
    if not any(_matches(kind, value) for kind in key.kinds):
        expected = " or ".join(kind_name(kind) for kind in key.kinds)
        return f"must be {expected}, not {_describe(key, value)}"
    if value is None:
        return None
    limits = range_of(key)
    if isinstance(value, (int, float)) and not isinstance(value, bool) and not _is_in_range(key, value):
        return f"must be {limits}, not {_describe(key, value)}"
    if key.rule.choices and isinstance(value, str):
        taken = value.lower() if key.rule.any_case else value
        if taken not in key.rule.choices:
            return f"must be one of {', '.join(key.rule.choices)}, not {_describe(key, value)}"
    form = key.rule.form
    if form is not None and isinstance(value, str) and not re.fullmatch(form.pattern, value):
        return f"must be {form.words}, not {_describe(key, value)}"
    return None


def range_of(key: Key) -> str:
    """The numbers that a key takes, such as `from 1 to 65535`; empty when there is no limit."""
    rule = key.rule
    if rule.at_least is not None and rule.at_most is not None:
        return f"from {rule.at_least:g} to {rule.at_most:g}"
    if rule.at_least is not None:
        return f"at least {rule.at_least:g}"
    if rule.at_most is not None:
        return f"at most {rule.at_most:g}"
    return "" if rule.above is None else f"more than {rule.above:g}"


def kind_name(kind: Any) -> str:
    """What a type of the schema is called in sentences."""
    return _KIND_NAMES.get(typing.get_origin(kind) or kind, str(kind))


def describe(value: Any) -> str:
    """A value and what it is, for an error; long ones are cut."""
    return f"{_SHOWN.repr(value)} ({kind_name(type(value))})"


def _describe(key: Key, value: Any) -> str:
    return kind_name(type(value)) if key.rule.secret else describe(value)


def _is_in_range(key: Key, value: float) -> bool:
    rule = key.rule
    return (
        (rule.at_least is None or value >= rule.at_least)
        and (rule.at_most is None or value <= rule.at_most)
        and (rule.above is None or value > rule.above)
    )


def _matches(kind: Any, value: Any) -> bool:
    if kind is types.NoneType:
        return value is None
    origin = typing.get_origin(kind) or kind
    if origin is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if origin is float:
        # False for infinities and for what is no number; a comparison, as a huge whole number has no float.
        return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= sys.float_info.max
    if origin is list:
        (item,) = typing.get_args(kind)
        return isinstance(value, list) and all(_matches(item, element) for element in value)
    return isinstance(value, origin)
