"""The label query language: `team=vision, stage In (dev, test), owner`. A comma means AND.

| Written            | Holds for a bundle that                          |
|--------------------|--------------------------------------------------|
| `k=v`              | has label k with value v (repeated: the last wins) |
| `k!=v`             | has no label k with value v                      |
| `k In (a, b)`      | has label k with one of the values               |
| `k NotIn (a, b)`   | has no label k with one of the values            |
| `k`, `k Exists`    | has label k                                      |
| `k DoesNotExist`   | has no label k                                   |

Operators are case-insensitive. Elements are separated by white space, so none may stand around `=`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum

from bentoml.exceptions import InvalidArgument


class InvalidOperatorError(InvalidArgument, AssertionError):
    """The query names an operator that does not exist. Classic code catches it as `AssertionError`."""


class LabelOperator(IntEnum):
    """What a condition asks of a label, numbered as on the wire."""

    IN = 0
    NOT_IN = 1
    EXISTS = 2
    DOES_NOT_EXIST = 3


_OPERATORS = {
    "in": LabelOperator.IN,
    "notin": LabelOperator.NOT_IN,
    "exists": LabelOperator.EXISTS,
    "doesnotexist": LabelOperator.DOES_NOT_EXIST,
}

_KEY_CHARACTERS = re.compile(r"[A-Za-z0-9._-]+")


@dataclass(frozen=True)
class LabelCondition:
    """One condition; `values` is empty for EXISTS and DOES_NOT_EXIST."""

    key: str
    operator: LabelOperator
    values: tuple[str, ...] = ()


def parse_label_query(query: str | None) -> tuple[LabelCondition, ...]:
    """Read a label query; all conditions returned must hold.

    Args:
        query: the text; None or blank gives no conditions.

    Raises:
        InvalidArgument: the query is malformed. `InvalidOperatorError`, which is also an `AssertionError`, for an
            unknown operator.
    """
    if query is None or not query.strip():
        return ()
    conditions: list[LabelCondition] = []
    equal_to: dict[str, LabelCondition] = {}
    for expression in _split(query):
        condition, is_equality = _parse_expression(expression)
        _check_key(condition.key, expression)
        if is_equality:
            equal_to[condition.key] = condition
        else:
            conditions.append(condition)
    return (*equal_to.values(), *conditions)


def _check_key(key: str, expression: str) -> None:
    """Refuse a key that no label can have: such a query never matches, or matches everything when negated."""
    if not _KEY_CHARACTERS.fullmatch(key):
        raise InvalidArgument(
            f"Label query {expression!r} names no label: keys consist of letters, digits, `-`, `_` and `.`; "
            "write key=value, key!=value, key In (value, value), key Exists or key DoesNotExist"
        )


def _split(query: str) -> list[str]:
    """The expressions between the commas that are outside parentheses."""
    expressions = [""]
    depth = 0
    for character in query:
        if character == "," and depth == 0:
            expressions.append("")
            continue
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth not in {0, 1}:
            break
        expressions[-1] += character
    if depth != 0:
        raise InvalidArgument(f"Parentheses do not match in the label query {query!r}; write key In (value, value)")
    stripped = [expression.strip() for expression in expressions]
    if not all(stripped):
        raise InvalidArgument(f"Nothing stands between two commas of the label query {query!r}")
    return stripped


def _parse_expression(expression: str) -> tuple[LabelCondition, bool]:
    """One condition, and whether it was written `key=value`."""
    head, parenthesis, rest = expression.partition("(")
    elements = head.split()
    if len(elements) == 1 and not parenthesis:
        return _parse_single(elements[0])
    if len(elements) < 2:
        raise InvalidArgument(f"Label query {expression!r} has no operator; write key In (value, value)")
    key, operator_text = elements[0], elements[1]
    operator = _OPERATORS.get(operator_text.lower())
    if operator is None:
        raise InvalidOperatorError(f'Operator "{operator_text}" is invalid')
    takes_values = operator in {LabelOperator.IN, LabelOperator.NOT_IN}
    if len(elements) > 2 or "=" in key or (parenthesis and not takes_values):
        raise InvalidArgument(f"Too many elements in the label query {expression!r}")
    if not takes_values:
        return LabelCondition(key, operator), False
    return LabelCondition(key, operator, _parse_values(rest, expression)), False


def _parse_single(element: str) -> tuple[LabelCondition, bool]:
    """`key`, `key=value` or `key!=value`."""
    if element.lower() in _OPERATORS:
        raise InvalidArgument(f"Label query operator {element} can't be the only element")
    if element.count("=") > 1:
        raise InvalidArgument(f"Too many '=' operator in query {element!r}")
    key, equals, value = element.partition("=")
    if not equals:
        return LabelCondition(element, LabelOperator.EXISTS), False
    negated = key.endswith("!")
    key = key.removesuffix("!")
    if not key:
        raise InvalidArgument(f"Label query {element!r} names no label; write key=value without spaces")
    if not value:
        raise InvalidArgument(f"Label {key} can't have empty value; write key=value without spaces")
    if negated:
        return LabelCondition(key, LabelOperator.NOT_IN, (value,)), False
    return LabelCondition(key, LabelOperator.IN, (value,)), True


def _parse_values(rest: str, expression: str) -> tuple[str, ...]:
    """The values of `a, b)`; `rest` is what follows the opening parenthesis, empty when there was none."""
    inside, _, after = rest.partition(")")
    if after.strip():
        raise InvalidArgument(f"Too many elements in the label query {expression!r}")
    values = tuple(value.strip() for value in inside.split(","))
    if not all(values):
        raise InvalidArgument(f"Query values can't be empty: {expression!r}; write key In (value, value)")
    return values
