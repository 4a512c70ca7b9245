"""Values of every kind of type, and what is wrong with others."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any, Literal

import msgspec
import pandas as pd
import pytest

from bentoml.adapters.errors import InputError
from bentoml.adapters.typed.values import HintError, OneValue
from tests.adapters.typed.hints import (
    Cat,
    CheckedItem,
    Color,
    Dog,
    Item,
    ItemModel,
    Node,
    Order,
    Parcel,
    Person,
    Point,
    Share,
    Struct,
)

NOON = dt.datetime(2026, 1, 31, 12, tzinfo=dt.timezone.utc)
KEY = uuid.UUID("123e4567-e89b-42d3-a456-426614174000")

VALUES: list[Any] = [
    (int, "3", 3),
    (float, "3", 3.0),
    (bool, "true", True),
    (str | None, "null", None),
    (int | str, '"3"', "3"),
    (Any, '{"a": [1]}', {"a": [1]}),
    (dict, '{"a": 1}', {"a": 1}),
    (list, "[1, null]", [1, None]),
    (list[int], "[1, 2]", [1, 2]),
    (dict[str, list[float]], '{"a": [1]}', {"a": [1.0]}),
    (tuple[int, str], '[1, "a"]', (1, "a")),
    (set[int], "[1, 2, 1]", {1, 2}),
    (Literal["a", "b"], '"b"', "b"),
    (Color, '"red"', Color.RED),
    (dt.datetime, '"2026-01-31T12:00:00Z"', NOON),
    (dt.date, '"2026-01-31"', NOON.date()),
    (dt.timedelta, '"PT90S"', dt.timedelta(seconds=90)),
    (uuid.UUID, f'"{KEY}"', KEY),
    (Decimal, '"1.50"', Decimal("1.50")),
    (bytes, '"AAEC"', b"\0\1\2"),
    (Item, '{"name": "a", "price": 1, "unknown": true}', Item("a", 1.0)),
    (Item | None, "null", None),
    (list[Item], '[{"name": "a", "price": 1, "tags": ["b"]}]', [Item("a", 1.0, ["b"])]),
    (Node, '{"value": 1, "children": [{"value": 2}]}', Node(1, [Node(2)])),
    (Point, "[1]", Point(1.0)),
    (Person, '{"name": "a"}', {"name": "a"}),
    (Struct, '{"count": 1}', Struct(1)),
    (Cat | Dog, '{"type": "Dog", "barks": true}', Dog(barks=True)),
    (ItemModel, '{"name": "a", "price": "1.5"}', ItemModel(name="a", price=1.5)),
    (list[ItemModel], '[{"name": "a", "price": 1}]', [ItemModel(name="a", price=1)]),
    (Order | int, '{"items": []}', Order(items=[])),
    (CheckedItem, '{"name": "a", "size": 2}', CheckedItem("a", 2)),
    (Parcel, '{"order": {"items": []}, "weight": 1}', Parcel(Order(items=[]), 1.0)),
    (dict[str, Item | ItemModel], '{"a": {"name": "b", "price": 1}}', {"a": Item("b", 1.0)}),
]


@pytest.mark.parametrize(("hint", "text", "value"), VALUES, ids=[str(one[0]) for one in VALUES])
def test_json_of_a_type_is_a_value_of_it(hint: Any, text: str, value: Any) -> None:
    made = OneValue(hint).decoder.of_json(text.encode())
    assert made == value
    assert type(made) is type(value)


@pytest.mark.parametrize(("hint", "text", "value"), VALUES, ids=[str(one[0]) for one in VALUES])
def test_messagepack_of_a_type_is_a_value_of_it(hint: Any, text: str, value: Any) -> None:
    plain = msgspec.json.decode(text)
    packed = msgspec.msgpack.encode(b"\0\1\2" if hint is bytes else plain)
    assert OneValue(hint).decoder.of_msgpack(packed) == value


def test_integer_of_any_length_is_exact() -> None:
    assert OneValue(int).decoder.of_json(str(10**30).encode()) == 10**30


def test_table_inside_json_is_a_frame() -> None:
    (frame,) = OneValue(list[pd.DataFrame]).decoder.of_json(b'[[{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]]')
    pd.testing.assert_frame_equal(frame, pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}))


REFUSALS: list[Any] = [
    (int, '"3"', "$: expected int, got str"),
    (int, "3.5", "$: expected int, got float"),
    (float, "NaN", "$: not a valid JSON format (invalid character (byte 0))"),
    (float, "-Infinity", "$: not a valid JSON format (invalid character (byte 1))"),
    (float, "1e999", "$: number out of range"),
    (int, "9" * 5000, "$: integer value out of range"),
    (list[int], "[1, null]", "$[1]: expected int, got null"),
    (tuple[int, str], "[1]", "$: expected array of length 2"),
    (Literal["a"], '"b"', "$: invalid enum value 'b'"),
    (uuid.UUID, '"b"', "$: invalid UUID"),
    (bytes, '"%"', "$: invalid base64 encoded string"),
    (Item, '{"name": "a"}', "$.price: is missing"),
    (Item, '{"name": "a", "price": "b"}', "$.price: expected float, got str"),
    (list[Item], '[{"name": "a", "price": []}]', "$[0].price: expected float, got array"),
    (Item, "[]", "$: expected object, got array"),
    (Struct, '{"count": 1, "more": 2}', "$.more: is not known"),
    (Struct, '{"count": 0}', "$.count: expected int >= 1"),
    (ItemModel, '{"name": "a"}', "$.price: is missing"),
    (ItemModel, '{"name": "a", "price": "b"}', "$.price: expected float, got str"),
    (list[ItemModel], '[{"name": "a", "price": []}]', "$[0].price: expected float, got array"),
    (ItemModel, "[]", "$: expected object, got array"),
    (Order, '{"items": [], "more": 2}', "$.more: is not known"),
    (Order, '{"items": [], "count": 0}', "$.count: expected int > 0"),
    (Share, '{"part": 3}', "$.part: expected float < 1.0"),
    (Order, '{"items": [], "kind": "x"}', "$.kind: invalid enum value 'x'"),
    (Parcel, '{"order": {"items": [{"name": 1}]}, "weight": 1}', "$.order.items[0].name: expected str, got int"),
    (list[pd.DataFrame], "[[], 3]", "$[0]: the table is empty"),
    (Any, '{"a": {"b": 1, "b": 2}}', "$: the key 'b' stands twice in one object"),
    (Any, '{"a": 1, "\\u0061": 2}', "$: the key 'a' stands twice in one object"),
    (Any, "[" * 100_000, "$: it is nested too deeply"),
    (Node, '{"value": 1, "children": [' * 100_000, "$: it is nested too deeply"),
    (Any, "", "$: not a valid JSON format (input data was truncated)"),
    (Any, "1 2", "$: not a valid JSON format (trailing characters (byte 3))"),
    (Any, '"\ud800"', "$: not a valid JSON format (it is not UTF-8)"),
]


@pytest.mark.parametrize(("hint", "text", "message"), REFUSALS, ids=[f"{one[0]} {one[1][:20]}" for one in REFUSALS])
def test_json_that_does_not_fit_is_refused_in_one_form(hint: Any, text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        OneValue(hint).decoder.of_json(text.encode("utf-8", "surrogatepass"))
    assert str(caught.value) == message
    assert caught.value.status_code == 400


@pytest.mark.parametrize(
    "packed",
    [b"", b"\xc1", b"\x91" * 100_000, b"\x81\xa1a", b"\xdd\xff\xff\xff\xff", b"\xdb\xff\xff\xff\xff", b"\xa1\xff"],
    ids=["empty", "never used", "deep", "cut", "huge array", "huge text", "no UTF-8"],
)
def test_messagepack_that_is_none_is_refused(packed: bytes) -> None:
    with pytest.raises(InputError, match=r"^\$: (not valid MessagePack|it is nested too deeply)") as caught:
        OneValue(Any).decoder.of_msgpack(packed)
    assert caught.value.status_code == 400


@pytest.mark.parametrize(
    ("hint", "body"),
    [
        (Literal["a"], {"x": "y" * 10_000}),
        (Literal["a"], "y" * 10_000),
        (Order, {"items": [], "z" * 10_000: 1}),
        (Order, {"items": [], "kind": "z" * 10_000}),
        (Struct, {"count": 1, "z\n" * 10_000: 1}),
        (dict[str, int], {"z" * 10_000: "x"}),
    ],
)
def test_refusal_never_repeats_a_large_input(hint: Any, body: Any) -> None:
    with pytest.raises(InputError) as caught:
        OneValue(hint).decoder.of_json(msgspec.json.encode(body))
    assert len(str(caught.value)) < 400
    assert str(caught.value).isprintable()


def test_objects_that_share_keys_are_taken() -> None:
    text = b'[{"a": 1, "b": {"a": 2}}, {"a": 3}, "a\\":", {"\\u0061": 4}]'
    assert OneValue(Any).decoder.of_json(text) == [{"a": 1, "b": {"a": 2}}, {"a": 3}, 'a":', {"a": 4}]


def test_byte_order_mark_is_left_out() -> None:
    assert OneValue(int).decoder.of_json(b"\xef\xbb\xbf3") == 3


class Opaque:
    """Nobody knows how to make one."""


@pytest.mark.parametrize(
    ("hint", "reason"),
    [
        (Opaque, "nothing makes a Opaque of a request"),
        (list[dict[str, Opaque]], "nothing makes a Opaque of a request"),
        (complex, "nothing makes a complex of a request"),
        (Item | dict[str, int], "Type unions may not contain more than one dict-like type"),
        (pd.DataFrame | str, "Type unions containing a custom type"),
        (dict[str, Order | Opaque], "Unable to generate pydantic-core schema"),
    ],
)
def test_type_that_no_request_can_be_is_refused_with_the_reason(hint: Any, reason: str) -> None:
    with pytest.raises(HintError, match=reason):
        OneValue(hint)
