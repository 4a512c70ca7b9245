"""Numbers written together are written as each alone."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bentoml.adapters.wire.json_encoder import json_writer, number_texts


@given(st.lists(st.integers() | st.floats(allow_nan=False, allow_infinity=False)))
def test_number_texts_of_numbers_are_what_the_writer_writes(values: list[Any]) -> None:
    assert number_texts(values) == list(map(json_writer(ensure_ascii=False), values))


@pytest.mark.parametrize("odd", [True, None, "1", [1], math.nan, -math.inf, 1j], ids=repr)
def test_number_texts_with_anything_else_among_them_is_none(odd: Any) -> None:
    assert number_texts([1, odd, 2.5]) is None
    assert number_texts((1, 2)) is None
