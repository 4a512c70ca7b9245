"""Texts of arrays are those of the JSON encoder."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bentoml.adapters.array.json_texts import array_text, row_texts

ARRAYS = hnp.arrays(
    st.sampled_from([np.dtype(name) for name in ("int8", "uint64", "float64", "float32", "float16")]),
    hnp.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=3),
)


@given(ARRAYS)
def test_texts_are_those_of_the_encoder_where_all_numbers_are_finite(array: Any) -> None:
    if not np.isfinite(array).all():
        assert array_text(array) is None
        assert row_texts(array) is None
        return
    assert array_text(array) == json.dumps(array.tolist())
    assert row_texts(array) == [json.dumps(row) for row in array.tolist()]


@pytest.mark.parametrize("array", [np.array([True]), np.array(["a"]), np.array([1j]), np.array([None])], ids=str)
def test_other_values_are_left_to_the_encoder(array: Any) -> None:
    assert array_text(array) is None
    assert row_texts(array) is None


def test_array_without_values_is_written_as_a_whole_only() -> None:
    assert array_text(np.empty((2, 0))) == "[[], []]"
    assert row_texts(np.empty((2, 0))) is None
    assert array_text(np.array(2.5)) == "2.5"
    assert row_texts(np.array(2.5)) is None
