"""OpenAPI 3.0 schemas of types, as `msgspec` sees them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import inspect as mi

from bentoml.adapters.typed.definitions import REFERENCE_PREFIX

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bentoml.adapters.typed.definitions import Schema

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._-]+")
_JSON_TYPES = {str: "string", bool: "boolean", int: "integer", float: "number"}
_PLAIN: dict[type, Schema] = {
    mi.AnyType: {},
    mi.RawType: {},
    mi.ExtType: {},
    mi.BoolType: {"type": "boolean"},
    mi.NoneType: {"nullable": True, "enum": [None]},
    mi.BytesType: {"type": "string", "format": "byte"},
    mi.ByteArrayType: {"type": "string", "format": "byte"},
    mi.MemoryViewType: {"type": "string", "format": "byte"},
    mi.DateTimeType: {"type": "string", "format": "date-time"},
    mi.DateType: {"type": "string", "format": "date"},
    mi.TimeType: {"type": "string", "format": "time"},
    mi.TimeDeltaType: {"type": "string", "format": "duration"},
    mi.UUIDType: {"type": "string", "format": "uuid"},
    mi.DecimalType: {"type": "string", "format": "decimal"},
}
_BOUNDS = {
    "ge": "minimum",
    "le": "maximum",
    "multiple_of": "multipleOf",
    "pattern": "pattern",
}


class SchemaWriter:
    """Writes schemas that refer to common definitions.

    Args:
        custom: writes the schema of a type that is not one of `msgspec`; may add to `definitions`.

    Attributes:
        definitions: the schemas of classes, by name.
    """

    def __init__(self, custom: Callable[[type, dict[str, Schema]], Schema]) -> None:
        self.definitions: dict[str, Schema] = {}
        self._custom = custom
        # With the objects themselves, so that their ids stay theirs.
        self._names: dict[Any, tuple[str, Any]] = {}

    def write(self, hint: Any) -> Schema:
        """The schema of a type."""
        return self._of(mi.type_info(hint))

    def _of(self, info: mi.Type) -> Schema:  # noqa: PLR0911 - one line per kind of type
        if isinstance(info, mi.Metadata):
            return _with(self._of(info.type), **(info.extra_json_schema or {}))
        if type(info) in _PLAIN:
            return dict(_PLAIN[type(info)])
        if isinstance(info, (mi.IntType, mi.FloatType)):
            return _with_bounds({"type": "integer" if isinstance(info, mi.IntType) else "number"}, info)
        if isinstance(info, mi.StrType):
            return _with_lengths(_with_bounds({"type": "string"}, info), info, "Length")
        if isinstance(info, mi.LiteralType):
            return enum_schema(info.values)
        if isinstance(info, mi.UnionType):
            return self._union(info)
        if isinstance(info, mi.CustomType):
            return self._custom(info.cls, self.definitions)
        return self._of_parts(info)

    def _of_parts(self, info: Any) -> Schema:
        if isinstance(info, mi.EnumType):
            return self._defined(info, info.cls, lambda: enum_schema([one.value for one in info.cls]))
        if isinstance(info, mi.DictType):
            schema = {"type": "object", "additionalProperties": self._of(info.value_type)}
            return _with_lengths(schema, info, "Properties")
        if isinstance(info, (mi.TupleType, mi.NamedTupleType)):
            return self._fixed(info)
        if isinstance(info, mi.CollectionType):
            unique = {"uniqueItems": True} if isinstance(info, (mi.SetType, mi.FrozenSetType)) else {}
            return _with_lengths({"type": "array", "items": self._of(info.item_type), **unique}, info, "Items")
        return self._defined(info, info.cls, lambda: self._object(info))

    def _union(self, info: mi.UnionType) -> Schema:
        members = [self._of(one) for one in info.types if not isinstance(one, mi.NoneType)]
        schema = members[0] if len(members) == 1 else {"anyOf": members}
        return nullable(schema) if info.includes_none else schema

    def _fixed(self, info: mi.TupleType | mi.NamedTupleType) -> Schema:
        if isinstance(info, mi.TupleType):
            return fixed_array([self._of(one) for one in info.item_types])
        return self._defined(info, info.cls, lambda: self._array_of_fields(info.fields))

    def _array_of_fields(self, fields: Iterable[mi.Field]) -> Schema:
        fields = list(fields)
        return fixed_array([self._of(one.type) for one in fields], sum(one.required for one in fields))

    def _defined(self, info: Any, cls: type, write: Callable[[], Schema]) -> Schema:
        # What a generic class holds differs from one use to the next.
        key = id(info) if getattr(cls, "__parameters__", ()) else cls
        name, _ = self._names.get(key, ("", None))
        if not name:
            name = self._new_name(cls)
            self._names[key] = (name, info)
            self.definitions[name] = {}  # what refers to itself finds it
            self.definitions[name] = {"title": cls.__name__, **write()}
        return {"$ref": f"{REFERENCE_PREFIX}{name}"}

    def _new_name(self, cls: type) -> str:
        name = _NOT_IN_NAMES.sub("_", cls.__name__)
        return name if name not in self.definitions else _NOT_IN_NAMES.sub("_", f"{cls.__module__}.{cls.__qualname__}")

    def _object(self, info: mi.StructType | mi.DataclassType | mi.TypedDictType) -> Schema:
        properties: dict[str, Schema] = {}
        required: list[str] = []
        if isinstance(info, mi.StructType):
            if info.array_like:
                return self._array_of_fields(info.fields)
            if info.tag_field is not None:
                properties[info.tag_field] = enum_schema([info.tag])
                required.append(info.tag_field)
        for field in info.fields:
            schema = self._of(field.type)
            properties[field.encode_name] = with_default(schema, _default_of(field))
            if field.required:
                required.append(field.encode_name)
        schema = {"type": "object", "properties": properties}
        if required:
            schema["required"] = required
        if isinstance(info, mi.StructType) and info.forbid_unknown_fields:
            schema["additionalProperties"] = False
        return schema


def nullable(schema: Schema) -> Schema:
    """The schema of what may also be null."""
    if "enum" in schema and "$ref" not in schema:
        return {**schema, "enum": [*schema["enum"], None], "nullable": True}
    return {"allOf": [schema], "nullable": True} if "$ref" in schema else {**schema, "nullable": True}


def enum_schema(values: Iterable[Any]) -> Schema:
    """The schema of one of some values."""
    # By their text, because sets have no order and documents should not change from one process to the next.
    values = sorted(values, key=repr) if isinstance(values, (set, frozenset)) else list(values)
    kinds = {type(one) for one in values if one is not None}
    schema: Schema = {"enum": values}
    if len(kinds) == 1 and (kind := _JSON_TYPES.get(kinds.pop())):
        schema["type"] = kind
    if None in values:
        schema["nullable"] = True
    return schema


def fixed_array(items: list[Schema], required: int | None = None) -> Schema:
    """The schema of an array with a type for each position, as far as OpenAPI 3.0 can say it."""
    alike = all(one == items[0] for one in items)
    return {
        "type": "array",
        "items": (items[0] if items else {}) if alike else {"anyOf": items},
        "minItems": len(items) if required is None else required,
        "maxItems": len(items),
    }


def with_default(schema: Schema, default: Any) -> Schema:
    """A schema with its default, where JSON can show it; `msgspec.NODEFAULT` where there is none."""
    if default is msgspec.NODEFAULT or default is msgspec.UNSET:
        return schema
    try:
        shown = msgspec.json.decode(msgspec.json.encode(default))
    except (TypeError, ValueError, OverflowError, RecursionError):
        return schema
    return _with(schema, default=shown)


def _default_of(field: mi.Field) -> Any:
    if field.default_factory in {list, dict, set, tuple}:
        return field.default_factory()
    return field.default


def _with(schema: Schema, **more: Any) -> Schema:
    # In OpenAPI 3.0 nothing that stands beside a reference counts.
    return {"allOf": [schema], **more} if "$ref" in schema and more else {**schema, **more}


def _with_bounds(schema: Schema, info: Any) -> Schema:
    for name, key in _BOUNDS.items():
        value = getattr(info, name, None)
        if value is not None:
            schema[key] = value
    for name, key in (("gt", "minimum"), ("lt", "maximum")):
        value = getattr(info, name, None)
        if value is not None:
            schema[key] = value
            schema[f"exclusive{key.capitalize()}"] = True
    return schema


def _with_lengths(schema: Schema, info: Any, noun: str) -> Schema:
    for name, key in (("min_length", f"min{noun}"), ("max_length", f"max{noun}")):
        value = getattr(info, name)
        if value is not None:
            schema[key] = value
    return schema
