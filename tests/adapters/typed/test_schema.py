"""Schemas of OpenAPI 3.0, and examples that their decoders take."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Annotated, Any, Literal

import msgspec
import pandas as pd
import pytest

from bentoml.adapters.typed.definitions import merge_definitions
from bentoml.adapters.typed.example import example_of
from bentoml.adapters.typed.schema_conversion import converted
from bentoml.adapters.typed.values import NO_DEFAULT, OneValue, example_for
from tests.adapters.typed.hints import Cat, CheckedItem, Color, Dog, Item, Node, Order, Parcel, Person, Point, Struct

SCHEMAS: list[Any] = [
    (int, {"type": "integer"}),
    (float | None, {"type": "number", "nullable": True}),
    (None, {"nullable": True, "enum": [None]}),
    (Any, {}),
    (int | str, {"anyOf": [{"type": "integer"}, {"type": "string"}]}),
    (list[dt.date], {"type": "array", "items": {"type": "string", "format": "date"}}),
    (dt.datetime, {"type": "string", "format": "date-time"}),
    (uuid.UUID, {"type": "string", "format": "uuid"}),
    (dict[str, bytes], {"type": "object", "additionalProperties": {"type": "string", "format": "byte"}}),
    (set[int], {"type": "array", "items": {"type": "integer"}, "uniqueItems": True}),
    (
        tuple[int, str],
        {"type": "array", "items": {"anyOf": [{"type": "integer"}, {"type": "string"}]}, "minItems": 2, "maxItems": 2},
    ),
    (tuple[int, ...], {"type": "array", "items": {"type": "integer"}}),
    (Literal["a"] | None, {"type": "string", "enum": ["a", None], "nullable": True}),
    (
        Annotated[int, msgspec.Meta(gt=1, le=9, description="some")],
        {"type": "integer", "minimum": 1, "exclusiveMinimum": True, "maximum": 9, "description": "some"},
    ),
    (Annotated[str, msgspec.Meta(min_length=2)], {"type": "string", "minLength": 2}),
]


@pytest.mark.parametrize(("hint", "schema"), SCHEMAS, ids=[str(one[0]) for one in SCHEMAS])
def test_schema_of_a_type(hint: Any, schema: Any) -> None:
    assert OneValue(hint).schema() == schema


def test_schema_of_a_class_is_a_definition() -> None:
    assert OneValue(Node | None).schema() == {
        "allOf": [{"$ref": "#/$defs/Node"}],
        "nullable": True,
        "$defs": {
            "Node": {
                "title": "Node",
                "type": "object",
                "properties": {
                    "value": {"type": "integer"},
                    "children": {"type": "array", "items": {"$ref": "#/$defs/Node"}, "default": []},
                },
                "required": ["value"],
            }
        },
    }


def test_schema_of_a_model_has_nothing_that_openapi_3_0_lacks() -> None:
    schema = OneValue(list[Order]).schema()
    assert schema["items"] == {"$ref": "#/$defs/Order"}
    order = schema["$defs"]["Order"]
    assert order["additionalProperties"] is False
    assert order["properties"]["count"] == {"type": "integer", "default": 1, "minimum": 0, "exclusiveMinimum": True}
    assert order["properties"]["items"] == {"type": "array", "items": {"$ref": "#/$defs/ItemModel"}}


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"const": 1}, {"enum": [1], "type": "integer"}),
        ({"type": ["string", "null"]}, {"type": "string", "nullable": True}),
        ({"type": ["string", "array"]}, {"anyOf": [{"type": "string"}, {"type": "array", "items": {}}]}),
        (
            {"anyOf": [{"type": "string"}, {"type": "null"}], "title": "A"},
            {"type": "string", "title": "A", "nullable": True},
        ),
        (
            {"anyOf": [{"$ref": "#/$defs/A"}, {"type": "null"}]},
            {"allOf": [{"$ref": "#/$defs/A"}], "nullable": True},
        ),
        ({"$ref": "#/$defs/A", "default": None}, {"allOf": [{"$ref": "#/$defs/A"}], "default": None}),
        (
            {"type": "array", "prefixItems": [{"type": "string"}, {"type": "null"}], "minItems": 1},
            {
                "type": "array",
                "items": {"anyOf": [{"type": "string"}, {"nullable": True, "enum": [None]}]},
                "minItems": 1,
                "maxItems": 2,
            },
        ),
        ({"type": "object", "propertyNames": {"format": "x"}, "examples": [{}]}, {"type": "object", "example": {}}),
        ({"type": "string", "contentEncoding": "base64"}, {"type": "string", "format": "byte"}),
        ({"type": "array"}, {"type": "array", "items": {}}),
        (True, {}),
    ],
)
def test_schema_of_2020_is_converted(schema: Any, expected: Any) -> None:
    assert converted(schema) == expected


@pytest.mark.parametrize(
    "hint",
    [
        *(one[0] for one in SCHEMAS),
        Item,
        Node,
        Color,
        Point,
        Person,
        Struct,
        Cat | Dog,
        Order,
        list[Parcel],
        CheckedItem,
        pd.DataFrame,
        dict[str, list[tuple[Item, Color, dt.timedelta, dt.time]]],
        Annotated[list[int], msgspec.Meta(min_length=3)],
        Annotated[float, msgspec.Meta(lt=0)],
        Annotated[int, msgspec.Meta(ge=4, multiple_of=5)],
        Annotated[str, msgspec.Meta(min_length=10, max_length=12)],
    ],
    ids=str,
)
def test_example_of_a_type_is_accepted(hint: Any) -> None:
    example = example_for(OneValue(hint))
    assert example is not NO_DEFAULT
    assert msgspec.json.decode(msgspec.json.encode(example)) == example


def test_example_of_a_schema_that_never_ends_does() -> None:
    node = {
        "type": "object",
        "required": ["a"],
        "properties": {"a": {"anyOf": [{"$ref": "#/$defs/N"}], "nullable": True}},
    }
    assert example_of({"$ref": "#/$defs/N"}, {"N": node}) is not None


def test_definitions_of_one_name_and_two_meanings_are_both_kept() -> None:
    known: dict[str, Any] = {"A": {"type": "string"}}
    found: dict[str, Any] = {
        "A": {"properties": {"a": {"$ref": "#/$defs/A"}, "b": {"$ref": "#/$defs/B"}}},
        "B": {"type": "integer"},
    }
    schema = merge_definitions(known, found, {"items": {"$ref": "#/$defs/A"}}, "#/components/schemas/")
    assert schema == {"items": {"$ref": "#/components/schemas/A2"}}
    assert known["A"] == {"type": "string"}
    assert known["A2"]["properties"]["a"] == {"$ref": "#/components/schemas/A2"}
    assert merge_definitions(known, {"B": {"type": "integer"}}, {"$ref": "#/$defs/B"}) == {"$ref": "#/$defs/B"}
    assert set(known) == {"A", "A2", "B"}
