"""Bodies in which nothing fits a pydantic model cost no more than others."""

from __future__ import annotations

import tracemalloc
from typing import Any, Literal

import pydantic
import pytest
from pydantic import TypeAdapter

from bentoml.adapters.errors import InputError
from bentoml.adapters.typed.bounded_errors import EnoughError, begin, bounded_validator
from bentoml.adapters.typed.decoding import ValueDecoder, wire_type
from bentoml.adapters.typed.values import OneValue
from tests.adapters.typed.hints import CheckedItem, Item, ItemModel, Order, Parcel


class Cat(pydantic.BaseModel):
    kind: Literal["cat"] = "cat"
    lives: dict[str, int] = {}


class Tree(pydantic.BaseModel):
    children: list[Tree] = []
    numbers: dict[str, int] = {}
    pair: tuple[int, ...] = ()
    unique: set[int] = set()
    pet: Cat | None = pydantic.Field(default=None, discriminator=None)


def refused(hint: Any, body: bytes) -> str:
    with pytest.raises(InputError) as caught:
        OneValue(hint).decoder.of_json(body)
    return str(caught.value)


def many(what: bytes, count: int = 20_000) -> bytes:
    return b",".join([what] * count)


def keys(value: bytes, count: int = 20_000) -> bytes:
    return b",".join(b'"k%d":%b' % (i, value) for i in range(count))


BODIES: list[Any] = [
    (list[ItemModel], b"[%b]" % many(b"{}"), "$[0].name: is missing"),
    (Order, b'{"items": [%b]}' % many(b"{}"), "$.items[0].name: is missing"),
    (Parcel, b'{"weight": 1, "order": {"items": [%b]}}' % many(b"{}"), "$.order.items[0].name: is missing"),
    (Order, b'{"items": [], %b}' % keys(b"1"), "$: value error, it has 20001 fields, and no more than 3 are known"),
    (dict[str, ItemModel], b"{%b}" % keys(b"1"), "$: more than 100 of its values do not fit"),
    (Tree, b'{"numbers": {%b}}' % keys(b'"x"'), "$: more than 100 of its values do not fit"),
    (Tree, b'{"pet": {"lives": {%b}}}' % keys(b'"x"'), "$: more than 100 of its values do not fit"),
    (Tree, b'{"children": [%b]}' % many(b'{"pair": ["x"]}'), "$.children[0].pair[0]: expected int, got str"),
    (Tree, b'{"unique": [%b]}' % many(b'"x"'), "$.unique[0]: expected int, got str"),
]


@pytest.mark.parametrize(("hint", "body", "message"), BODIES, ids=range(len(BODIES)))
def test_body_of_errors_alone_is_refused_at_once(hint: Any, body: bytes, message: str) -> None:
    assert refused(hint, body) == message


@pytest.mark.parametrize(("hint", "body"), [one[:2] for one in BODIES], ids=range(len(BODIES)))
def test_few_errors_are_collected(hint: Any, body: bytes) -> None:
    begin()
    with pytest.raises((pydantic.ValidationError, EnoughError)) as caught:
        OneValue(hint).kind.validator.validate_json(body)
    assert not isinstance(caught.value, pydantic.ValidationError) or caught.value.error_count() <= 4


def test_rules_of_models_stay_as_they_are() -> None:
    tree = OneValue(Tree).decoder.of_json(b'{"children": [{"numbers": {"a": "1"}}], "unique": [1, 1], "pet": {}}')
    assert tree == Tree(children=[Tree(numbers={"a": 1})], unique={1}, pet=Cat())
    assert type(tree.children[0]) is Tree
    assert OneValue(CheckedItem).decoder.of_json(b'{"name": "a"}') == CheckedItem("a")
    assert refused(CheckedItem, b'{"name": "a", "size": 0}') == "$.size: expected int >= 1"
    assert refused(Order, b'{"items": [], "a": 1, "b": 2}') == "$.a: is not known"
    assert refused(dict[str, ItemModel], b'{"a": {"name": "b", "price": 1}, "c": 2}') == "$.c: expected object, got int"


MANY = b"[" + b"[]," * 30_000 + b"[]]"


class Lists(pydantic.BaseModel):
    numbers: list[int]
    names: dict[str, int] = {}
    pairs: list[tuple[int, str]] = [(1, "a")]


HINTS: list[tuple[Any, bytes]] = [
    (list[ItemModel], MANY),
    (list[Item | dict[str, int] | int] | ItemModel, MANY),
    (Lists, b'{"numbers": ' + MANY + b"}"),
    (list[Lists], b'[{"numbers": [], "pairs": ' + MANY + b"}]"),
    (Lists, b'{"numbers": [], "names": {' + b",".join(b'"%d": "x"' % i for i in range(30_000)) + b"}}"),
]


@pytest.mark.parametrize(("hint", "content"), HINTS)
def test_values_that_are_all_wrong_cost_little_memory_and_are_refused_as_before(hint: Any, content: bytes) -> None:
    decoder = ValueDecoder(wire_type(hint))
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match=r"^\$"):
            decoder.of_json(content)
        assert tracemalloc.get_traced_memory()[1] < 100 * len(content)
    finally:
        tracemalloc.stop()


def test_first_error_is_the_one_that_pydantic_says_first() -> None:
    content = b'{"numbers": [1, "x", "y"], "pairs": [[1]]}'
    found = []
    for validator in (bounded_validator(TypeAdapter(Lists).core_schema), TypeAdapter(Lists)):
        with pytest.raises(pydantic.ValidationError) as error:
            validator.validate_json(content)
        found.append(error.value.errors()[0])
    assert found[0] == found[1]


def test_models_are_made_with_their_defaults_and_keep_their_own_validator() -> None:
    made = bounded_validator(TypeAdapter(list[Lists]).core_schema).validate_json(b'[{"numbers": [1]}]')
    assert made == [Lists(numbers=[1])]
    with pytest.raises(pydantic.ValidationError) as error:
        Lists.model_validate({"numbers": ["x", "y"]})
    assert error.value.error_count() == 2
