"""Schemas that refer to common definitions, brought together under names that do not clash."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

# Where definitions stand in a schema.
DEFINITIONS = "$defs"
REFERENCE_PREFIX = f"#/{DEFINITIONS}/"


def merge_definitions(
    known: dict[str, Schema], found: dict[str, Schema], schema: Schema, prefix: str = REFERENCE_PREFIX
) -> Schema:
    """Add definitions to those that are known; one that has a name with another meaning gets a new name.

    Args:
        known: the definitions so far, with references that begin with `prefix`; changed in place.
        found: further definitions, with references as they stand in schemas.
        schema: refers to `found`.
        prefix: what the references become.

    Returns:
        The schema with references to what is known now.
    """
    names: dict[str, str] = {}
    # Names first, for definitions may refer to each other.
    for name, definition in found.items():
        names[name] = _free_name(known, found, name, definition, prefix)
    for name, definition in found.items():
        known[names[name]] = _renamed(definition, names, prefix)
    renamed: Schema = _renamed(schema, names, prefix)
    return renamed


def _free_name(known: dict[str, Schema], found: dict[str, Schema], name: str, definition: Schema, prefix: str) -> str:
    same = _renamed(definition, {one: one for one in found}, prefix)
    candidate, number = name, 1
    while candidate in known and known[candidate] != same:
        number += 1
        candidate = f"{name}{number}"
    return candidate


def _renamed(value: Any, names: dict[str, str], prefix: str) -> Any:
    if isinstance(value, list):
        return [_renamed(one, names, prefix) for one in value]
    if not isinstance(value, dict):
        return _reference(value, names, prefix) if isinstance(value, str) else value
    return {key: _renamed(one, names, prefix) for key, one in value.items()}


def _reference(text: str, names: dict[str, str], prefix: str) -> str:
    # As the value of `$ref`, and in the mapping of a discriminator.
    name = text.removeprefix(REFERENCE_PREFIX)
    return f"{prefix}{names[name]}" if text.startswith(REFERENCE_PREFIX) and name in names else text
