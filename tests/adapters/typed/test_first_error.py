"""Validators that stop at the first error."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pydantic
import pytest
from pydantic import TypeAdapter

from bentoml.adapters.errors import InputError
from bentoml.adapters.typed.decoding import ValueDecoder, wire_type
from bentoml.adapters.typed.first_error import validator_of
from tests.adapters.typed.hints import Item, ItemModel

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
def test_values_that_are_all_wrong_have_few_errors(hint: Any, content: bytes) -> None:
    with pytest.raises(pydantic.ValidationError) as error:
        validator_of(TypeAdapter(hint)).validate_json(content)
    assert error.value.error_count() < 10


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
    for validator in (validator_of(TypeAdapter(Lists)), TypeAdapter(Lists)):
        with pytest.raises(pydantic.ValidationError) as error:
            validator.validate_json(content)
        found.append(error.value.errors()[0])
    assert found[0] == found[1]


def test_models_are_made_with_their_defaults_and_keep_their_own_validator() -> None:
    made = validator_of(TypeAdapter(list[Lists])).validate_json(b'[{"numbers": [1]}]')
    assert made == [Lists(numbers=[1])]
    with pytest.raises(pydantic.ValidationError) as error:
        Lists.model_validate({"numbers": ["x", "y"]})
    assert error.value.error_count() == 2
