"""Validators of pydantic that stop at the first thing that is wrong in a list.

By itself pydantic finds all that is wrong. Each error takes hundreds of bytes, and a wrong element takes two; clients
are told the first one only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import TypeAdapter

_COLLECTIONS = frozenset({"list", "tuple", "set", "frozenset", "dict"})


def validator_of(adapter: TypeAdapter[Any]) -> Any:
    """A validator of the same values, with `validate_json` and `validate_python`.

    Where this version of pydantic has none, it is that of the adapter.
    """
    from pydantic_core import SchemaError, SchemaValidator

    try:
        # The validators that models have made for themselves would find all errors.
        return SchemaValidator(_stopping(adapter.core_schema), _use_prebuilt=False)
    except (TypeError, SchemaError):
        return adapter.validator


def _stopping(schema: Any) -> Any:
    """A copy of a schema; what stands in it that is neither a dict nor a list is the same."""
    if isinstance(schema, list):
        return [_stopping(one) for one in schema]
    if isinstance(schema, tuple):
        return tuple(map(_stopping, schema))
    if not isinstance(schema, dict):
        return schema
    # What is in `metadata` and what a default is belongs to others.
    copied = {key: one if key in {"metadata", "default"} else _stopping(one) for key, one in schema.items()}
    if copied.get("type") in _COLLECTIONS:
        copied["fail_fast"] = True
    return copied
