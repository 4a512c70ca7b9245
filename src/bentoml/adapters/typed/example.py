"""A value that a schema describes, to show people what to send."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bentoml.adapters.typed.definitions import REFERENCE_PREFIX

if TYPE_CHECKING:
    from collections.abc import Mapping

    Schema = Mapping[str, Any]

# Optional parts end here: a type may hold itself.
MAX_DEPTH = 4
_LARGEST_COUNT = 20

_TEXTS = {
    "byte": "AAEC",
    "date": "2026-01-31",
    "date-time": "2026-01-31T12:00:00Z",
    "decimal": "1.50",
    "duration": "PT90S",
    "email": "ada@example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "time": "12:00:00Z",
    "uri": "https://example.com/",
    "uuid": "123e4567-e89b-42d3-a456-426614174000",
}


def example_of(schema: Schema, definitions: Mapping[str, Schema], depth: int = 0) -> Any:
    """An example: what the schema gives as one, its default, or something of its type.

    Args:
        schema: of OpenAPI 3.0.
        definitions: what its references mean, by name.
        depth: how deep this value stands in the whole one.
    """
    for key in ("example", "default"):
        if key in schema:
            return schema[key]
    if schema.get("enum"):
        return schema["enum"][0]
    if "$ref" in schema:
        found = definitions.get(schema["$ref"].removeprefix(REFERENCE_PREFIX), {})
        return example_of(found, definitions, depth)
    for key in ("allOf", "anyOf", "oneOf"):
        if schema.get(key):
            is_end = schema.get("nullable") and depth > MAX_DEPTH
            return None if is_end else example_of(schema[key][0], definitions, depth)
    return _by_type(schema, definitions, depth)


def _by_type(schema: Schema, definitions: Mapping[str, Schema], depth: int) -> Any:
    kind = schema.get("type")
    if kind == "object":
        return _object(schema, definitions, depth)
    if kind == "array":
        return _array(schema, definitions, depth)
    if kind == "string":
        return _text(schema)
    if kind in {"integer", "number"}:
        return _number(schema, is_integer=kind == "integer")
    return True if kind == "boolean" else None


def _object(schema: Schema, definitions: Mapping[str, Schema], depth: int) -> dict[str, Any]:
    required = schema.get("required", ())
    found = {
        name: example_of(one, definitions, depth + 1)
        for name, one in schema.get("properties", {}).items()
        if name in required or depth < MAX_DEPTH
    }
    others = schema.get("additionalProperties")
    if not found and isinstance(others, dict) and depth < MAX_DEPTH:
        count = min(max(1, schema.get("minProperties", 1)), _LARGEST_COUNT)
        found = {f"key{i or ''}": example_of(others, definitions, depth + 1) for i in range(count)}
    return found


def _array(schema: Schema, definitions: Mapping[str, Schema], depth: int) -> list[Any]:
    count = schema.get("minItems", 0)
    if depth < MAX_DEPTH:
        count = max(1, count)
    count = min(count, schema.get("maxItems", count), _LARGEST_COUNT)
    items = schema.get("items", {})
    # A tuple: its positions are the members.
    members = items.get("anyOf", [items]) if schema.get("maxItems") == len(items.get("anyOf", ())) else [items]
    return [example_of(members[i % len(members)], definitions, depth + 1) for i in range(count)]


def _text(schema: Schema) -> str:
    text: str = _TEXTS.get(schema.get("format", ""), "text")
    shortest, longest = schema.get("minLength", 0), schema.get("maxLength", len(text))
    repeats: int = shortest // len(text) + 1
    return (text * repeats)[: max(shortest, min(len(text), longest))]


def _number(schema: Schema, *, is_integer: bool) -> float:
    step = schema.get("multipleOf") or (1 if is_integer else 0.5)
    value = schema.get("minimum", schema.get("maximum", 1 if is_integer else 1.5))
    if schema.get("exclusiveMinimum"):
        value += step
    elif schema.get("exclusiveMaximum") and "minimum" not in schema:
        value -= step
    value = -(-value // step) * step
    return int(value) if is_integer else float(value)
