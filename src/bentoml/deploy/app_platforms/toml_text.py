"""Tables as TOML 1.0: values first, then the tables below, each with its whole name."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def toml_text(table: Mapping[str, Any]) -> str:
    """One document, in the order of its keys, with a newline at the end.

    Args:
        table: texts, whole numbers, truth values, tables and lists of tables; keys are letters, digits, `-` and `_`.
    """
    return "\n".join(_lines(table, ())) + "\n"


def _lines(table: Mapping[str, Any], name: tuple[str, ...]) -> Iterator[str]:
    for key, value in table.items():
        if isinstance(value, (str, int)):
            yield f"{key} = {_value(value)}"
    for key, value in table.items():
        below = (*name, key)
        if isinstance(value, (str, int)):
            continue
        if isinstance(value, list):
            for each in value:
                yield from ("", f"[[{'.'.join(below)}]]", *_lines(each, below))
        else:
            yield from ("", f"[{'.'.join(below)}]", *_lines(value, below))


def _value(value: str | int) -> str:
    """A text as a basic string, which is one of JSON without its pairs of surrogates, and with DEL escaped."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
