"""Conditions around imports that are settled before the program runs: `TYPE_CHECKING`, the Python, the platform.

They are judged for the Python that saves the bundle, which is also the one that a bundle asks for.
"""

from __future__ import annotations

import ast
import operator
import os
import platform
import re
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bentoml.saved_bundle.code.inference_rules import (
    NEVER_RUNS,
    OTHER_PLATFORM,
    OTHER_PYTHON,
    RUN_AS_PROGRAM,
    TYPES_ONLY,
)

if TYPE_CHECKING:
    from collections.abc import Callable

# Expression -> what it is here, and the name of PEP 508 for it.
_PLATFORM_VALUES: dict[str, tuple[str, str]] = {
    "sys.platform": (sys.platform, "sys_platform"),
    "os.name": (os.name, "os_name"),
    "platform.system()": (platform.system(), "platform_system"),
    "platform.machine()": (platform.machine(), "platform_machine"),
}
_PYTHON_VALUES: dict[str, Any] = {
    "sys.version_info": tuple(sys.version_info),
    "sys.version_info.major": sys.version_info.major,
    "sys.version_info.minor": sys.version_info.minor,
    "six.PY2": False,
    "six.PY3": True,
    "platform.python_implementation()": platform.python_implementation(),
    "sys.implementation.name": sys.implementation.name,
}
_COMPARISONS: dict[type[ast.cmpop], tuple[Callable[[Any, Any], bool], str, str]] = {
    ast.Eq: (operator.eq, "==", "!="),
    ast.NotEq: (operator.ne, "!=", "=="),
    ast.Lt: (operator.lt, "", ""),
    ast.LtE: (operator.le, "", ""),
    ast.Gt: (operator.gt, "", ""),
    ast.GtE: (operator.ge, "", ""),
    ast.In: (lambda value, several: value in several, "", ""),
    ast.NotIn: (lambda value, several: value not in several, "", ""),
}
_PLAIN_WORD = re.compile(r"[A-Za-z0-9_.-]+")


@dataclass(frozen=True)
class Judgement:
    """What a condition comes to here.

    Attributes:
        holds: its value.
        rule: why the branch that is not taken brings no requirement.
        marker: the same condition in PEP 508, where it can be written so; else empty.
        negated: the marker of the opposite.
    """

    holds: bool
    rule: str
    marker: str = ""
    negated: str = ""


def judge(test: ast.expr) -> Judgement | None:
    """The value of a condition; None when it is only known at run time."""
    judged: Judgement | None
    match test:
        case ast.Constant():
            judged = Judgement(bool(test.value), NEVER_RUNS)
        case ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING"):
            judged = Judgement(False, TYPES_ONLY)
        case ast.UnaryOp(op=ast.Not()):
            judged = _negation(judge(test.operand))
        case ast.BoolOp():
            judged = _judge_several(test)
        case ast.Compare(ops=[op], comparators=[right]):
            judged = _judge_comparison(test.left, op, right)
        case ast.Call(func=ast.Attribute(attr="startswith", value=value)):
            judged = _judge_prefix(value, test.args)
        case _:
            text = ast.unparse(test)
            judged = Judgement(bool(_PYTHON_VALUES[text]), OTHER_PYTHON) if text in _PYTHON_VALUES else None
    return judged


def _negation(judged: Judgement | None) -> Judgement | None:
    if judged is None:
        return None
    return replace(judged, holds=not judged.holds, marker=judged.negated, negated=judged.marker)


def _judge_several(test: ast.BoolOp) -> Judgement | None:
    judged = [judge(value) for value in test.values]
    settles = isinstance(test.op, ast.Or)
    for one in judged:
        if one is not None and one.holds is settles:
            return Judgement(settles, one.rule)
    known = [one for one in judged if one is not None]
    return Judgement(not settles, known[0].rule) if len(known) == len(judged) else None


def _judge_comparison(left: ast.expr, op: ast.cmpop, right: ast.expr) -> Judgement | None:
    compare, sign, opposite = _COMPARISONS.get(type(op), (None, "", ""))
    try:
        wanted = ast.literal_eval(right)
    except ValueError:
        return None
    value, rule, marker_name = _value(left)
    if compare is None or not rule or (rule == RUN_AS_PROGRAM and wanted != "__main__"):
        return None
    try:
        holds = bool(compare(value, wanted))
    except TypeError:
        return None
    if marker_name and sign and isinstance(wanted, str) and _PLAIN_WORD.fullmatch(wanted):
        return Judgement(holds, rule, f'{marker_name} {sign} "{wanted}"', f'{marker_name} {opposite} "{wanted}"')
    return Judgement(holds, rule)


def _judge_prefix(value: ast.expr, args: list[ast.expr]) -> Judgement | None:
    text, rule, _ = _value(value)
    if rule != OTHER_PLATFORM or len(args) != 1:
        return None
    try:
        prefix = ast.literal_eval(args[0])
    except ValueError:
        return None
    is_text = isinstance(prefix, str) or (isinstance(prefix, tuple) and all(isinstance(one, str) for one in prefix))
    return Judgement(text.startswith(prefix), rule) if is_text else None


def _value(node: ast.expr) -> tuple[Any, str, str]:
    """What an expression is here, its rule, and its name in PEP 508; the rule is empty when that is not known."""
    if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "sys.version_info":
        try:
            return _version_part(node.slice), OTHER_PYTHON, ""
        except (ValueError, IndexError, TypeError):
            return None, "", ""
    text = ast.unparse(node)
    if text in _PLATFORM_VALUES:
        value, name = _PLATFORM_VALUES[text]
        return value, OTHER_PLATFORM, name
    if text in _PYTHON_VALUES:
        return _PYTHON_VALUES[text], OTHER_PYTHON, ""
    if text == "__name__":
        # In a bundle every module is imported, and none of them is called so.
        return "imported", RUN_AS_PROGRAM, ""
    return None, "", ""


def _version_part(index: ast.expr) -> Any:
    """`sys.version_info[index]` for an index or a slice of literals.

    Raises:
        ValueError: it is made of something else.
    """
    version = tuple(sys.version_info)
    if isinstance(index, ast.Slice):
        bounds = [None if part is None else ast.literal_eval(part) for part in (index.lower, index.upper, index.step)]
        return version[slice(*bounds)]
    return version[ast.literal_eval(index)]


def asks_for_module(test: ast.expr) -> bool:
    """Whether a condition looks with `find_spec` whether something is installed."""
    return any(
        isinstance(node, ast.Call)
        and (getattr(node.func, "attr", "") == "find_spec" or getattr(node.func, "id", "") == "find_spec")
        for node in ast.walk(test)
    )


def catches_import_error(caught: ast.expr | None) -> bool:
    """Whether an `except` clause with that expression catches ImportError."""
    if caught is None:
        return True
    items = caught.elts if isinstance(caught, ast.Tuple) else [caught]
    names = {getattr(item, "id", getattr(item, "attr", "")) for item in items}
    return bool(names & {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})


def suppresses_import_error(item: ast.withitem) -> bool:
    """Whether a `with` item is `contextlib.suppress(ImportError)`."""
    call = item.context_expr
    return (
        isinstance(call, ast.Call)
        and (getattr(call.func, "attr", "") == "suppress" or getattr(call.func, "id", "") == "suppress")
        and any(catches_import_error(argument) for argument in call.args)
    )
