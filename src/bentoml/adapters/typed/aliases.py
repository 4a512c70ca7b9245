"""Hints behind a name: `type Items = list[Item]` of Python 3.12, and what numpy writes that way."""

from __future__ import annotations

from typing import Any, get_args, get_origin


def expanded(hint: Any) -> Any:
    """What a hint stands for; itself when it is no alias. What stands inside of it stays as it is."""
    for _ in range(100):
        alias = get_origin(hint) or hint
        # By name: `typing_extensions` has its own.
        if type(alias).__name__ != "TypeAliasType":
            return hint
        given = dict(zip(alias.__type_params__, get_args(hint), strict=False))
        value = alias.__value__
        free = [given[one] for one in getattr(value, "__parameters__", ()) if one in given]
        hint = value[tuple(free)] if free else value
    return hint
