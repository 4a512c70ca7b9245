"""Validators of pydantic that stop early.

pydantic collects every error: a body of one megabyte in which nothing fits costs it seconds and hundreds of megabytes.
One error is all that a client is told, so lists end at their first, and whatever has many keys ends after some.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

MAX_ERRORS = 100

_LISTS = frozenset({"list", "tuple", "set", "frozenset"})
_FIELDS = frozenset({"model-fields", "typed-dict", "dataclass-args"})
# Where schemas stand inside of schemas, beside keys that end with `schema`.
_PARTS = frozenset({"fields", "choices", "definitions", "steps"})
_EXTRA = "extra_fields_behavior"

_count: ContextVar[int] = ContextVar("bentoml_pydantic_errors", default=0)


class EnoughError(Exception):
    """There are so many errors that the rest is not looked at."""


def bounded_validator(schema: Any) -> Any:
    """A validator for a core schema of pydantic, which raises `EnoughError` where it would collect many errors.

    Raises:
        pydantic_core.SchemaError: this version of pydantic does not know how to stop.
    """
    from pydantic_core import SchemaValidator

    make: Any = SchemaValidator
    bounded = _bounded(schema, forbids=False)
    try:
        # The validators that models have of their own would stand in for these.
        return make(bounded, _use_prebuilt=False)
    except TypeError:  # older versions make them all anew
        return make(bounded)


def begin() -> None:
    """Count the errors of a new value."""
    _count.set(0)


def _bounded(node: Any, *, forbids: bool) -> Any:
    if isinstance(node, (list, tuple)):
        return type(node)(_bounded(one, forbids=forbids) for one in node)
    if not isinstance(node, dict):
        return node
    kind = node.get("type")
    if not isinstance(kind, str):  # names of fields or choices
        return {key: _bounded(one, forbids=forbids) for key, one in node.items()}
    extra = (node.get("config") or {}).get(_EXTRA)
    forbids = forbids if extra is None else extra == "forbid"
    result = {
        key: _bounded(one, forbids=forbids) if key in _PARTS or key.endswith("schema") else one
        for key, one in node.items()
    }
    if kind in _LISTS:
        result["fail_fast"] = True
    elif kind == "dict":
        for key in ("keys_schema", "values_schema"):
            if key in result:
                result[key] = _counted(result[key])
    elif kind in _FIELDS and node.get("extra_behavior", "forbid" if forbids else None) == "forbid":
        return _few_fields(result, len(node["fields"]))
    return result


def _counted(schema: Any) -> Any:
    from pydantic import ValidationError
    from pydantic_core import core_schema

    def check(value: Any, handler: Any) -> Any:
        try:
            return handler(value)
        except ValidationError as error:
            count = _count.get() + 1
            _count.set(count)
            if count > MAX_ERRORS:
                raise EnoughError from error
            raise

    return core_schema.no_info_wrap_validator_function(check, schema)


def _few_fields(schema: Any, known: int) -> Any:
    from pydantic_core import core_schema

    def check(value: Any) -> Any:
        if isinstance(value, dict) and len(value) > known + MAX_ERRORS:
            raise ValueError(f"it has {len(value)} fields, and no more than {known} are known")
        return value

    return core_schema.no_info_before_validator_function(check, schema)
