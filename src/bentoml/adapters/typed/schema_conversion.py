"""JSON Schema of 2020, which pydantic writes, as the schemas of OpenAPI 3.0."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bentoml.adapters.typed.definitions import DEFINITIONS
from bentoml.adapters.typed.schema import enum_schema, fixed_array, nullable

if TYPE_CHECKING:
    from bentoml.adapters.typed.definitions import Schema

_KEPT = (
    "additionalProperties",
    "default",
    "deprecated",
    "description",
    "discriminator",
    "enum",
    "format",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "pattern",
    "readOnly",
    "required",
    "title",
    "type",
    "uniqueItems",
    "writeOnly",
)
_NULL = {"type": "null"}


def converted(schema: Any) -> Schema:
    """The same schema for OpenAPI 3.0; what that cannot say is left out.

    Args:
        schema: JSON Schema; the references in it stay as they are.
    """
    if not isinstance(schema, dict):  # true and false are schemas as well
        return {} if schema else {"not": {}}
    if "$ref" in schema:
        rest = converted({key: value for key, value in schema.items() if key != "$ref"})
        reference = {"$ref": schema["$ref"]}
        return {"allOf": [reference], **rest} if rest else reference
    result: Schema = {key: schema[key] for key in _KEPT if key in schema}
    if isinstance(result.get("additionalProperties"), dict):
        result["additionalProperties"] = converted(result["additionalProperties"])
    if "const" in schema:
        result.update(enum_schema([schema["const"]]))
    if schema.get("examples"):
        result["example"] = schema["examples"][0]
    if schema.get("contentEncoding") == "base64" or schema.get("format") == "base64url":
        result["format"] = "byte"
    for key in ("minimum", "maximum"):
        exclusive = f"exclusive{key.capitalize()}"
        if exclusive in schema:
            result.update({key: schema[exclusive], exclusive: True})
    if "properties" in schema:
        result["properties"] = {name: _property(name, one) for name, one in schema["properties"].items()}
    return _with_types(_with_parts(result, schema), schema)


def _property(name: str, schema: Any) -> Schema:
    # The title that pydantic makes of a name says nothing more.
    result = converted(schema)
    if result.get("title") == name.replace("_", " ").title():
        del result["title"]
    return result


def _with_parts(result: Schema, schema: Schema) -> Schema:
    if "prefixItems" in schema:
        required = schema.get("minItems")
        result.update(fixed_array([converted(one) for one in schema["prefixItems"]], required))
    elif "items" in schema:
        result["items"] = converted(schema["items"])
    elif schema.get("type") == "array":
        result["items"] = {}
    for key in ("allOf", "anyOf", "oneOf"):
        if key not in schema:
            continue
        members = [converted(one) for one in schema[key] if one != _NULL]
        single = members[0] if len(members) == 1 else None
        if single is not None and not result.keys() & single.keys() and "$ref" not in single:
            result.update(single)
        else:
            result["allOf" if single is not None else key] = members
        if _NULL in schema[key]:
            result = nullable(result)
    return result


def _with_types(result: Schema, schema: Schema) -> Schema:
    kinds = schema.get("type")
    if kinds == "null":
        return {**{key: value for key, value in result.items() if key != "type"}, "nullable": True, "enum": [None]}
    if not isinstance(kinds, list):
        return result
    del result["type"]
    others = [kind for kind in kinds if kind != "null"]
    if len(others) == 1:
        result["type"] = others[0]
    else:
        result["anyOf"] = [{"type": kind, **({"items": {}} if kind == "array" else {})} for kind in others]
    return nullable(result) if "null" in kinds else result


def parted(schema: Schema) -> tuple[Schema, dict[str, Schema]]:
    """A JSON Schema and its definitions, both converted."""
    definitions = {name: converted(one) for name, one in schema.get(DEFINITIONS, {}).items()}
    return converted({key: value for key, value in schema.items() if key != DEFINITIONS}), definitions
