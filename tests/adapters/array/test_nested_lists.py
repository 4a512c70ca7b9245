"""Nested lists become the arrays that they are written for, or are refused with what is wrong with them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bentoml.adapters.array.nested_lists import MAX_TEXT_GROWTH, array_of_lists
from bentoml.adapters.errors import InputError
from bentoml.configuration import get_config


def deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def refusal(value: Any, dtype: Any = None) -> str:
    with pytest.raises(InputError) as caught:
        array_of_lists(value, None if dtype is None else np.dtype(dtype))
    assert caught.value.status_code == 400
    return str(caught.value)


@given(
    hnp.arrays(
        st.sampled_from([np.dtype("int64"), np.dtype("float64"), np.dtype("bool")]),
        hnp.array_shapes(min_dims=0, max_dims=4, max_side=3),
    )
)
def test_lists_of_an_array_give_the_same_array(array: Any) -> None:
    made = array_of_lists(array.tolist(), None)
    assert (made.dtype, made.shape) == (array.dtype, array.shape)
    np.testing.assert_array_equal(made, array)


@pytest.mark.parametrize(
    ("value", "dtype", "shape"),
    [
        (3, "int64", ()),
        (2.5, "float64", ()),
        ([], "float64", (0,)),
        ([[], []], "float64", (2, 0)),
        ([1, 2.5], "float64", (2,)),
        ([2**63 - 1, -(2**63)], "int64", (2,)),
        ([[True], [False]], "bool", (2, 1)),
    ],
)
def test_values_decide_the_type(value: Any, dtype: str, shape: tuple[int, ...]) -> None:
    array = array_of_lists(value, None)
    assert (str(array.dtype), array.shape, array.tolist()) == (dtype, shape, value)


@pytest.mark.parametrize(
    ("value", "dtype", "expected"),
    [
        ([1, 2], "float32", [1.0, 2.0]),
        ([1.5], "float32", [1.5]),
        ([1], "complex64", [1 + 0j]),
        ([2**64 - 1], "uint64", [2**64 - 1]),
        ([255], "uint8", [255]),
        ([True, False], "int8", [1, 0]),
        (["a", "bcd"], str, ["a", "bcd"]),
        (["a", "bcd"], "U4", ["a", "bcd"]),
        (["a", "b"], "S1", [b"a", b"b"]),
        ([b"ab"], "S", [b"ab"]),
        (["2020-01-31"], "datetime64[D]", [np.datetime64("2020-01-31").item()]),
        ([], "int8", []),
        ([10**30], "float64", [1e30]),
    ],
    ids=str,
)
def test_declared_type_is_used(value: Any, dtype: Any, expected: list[Any]) -> None:
    array = array_of_lists(value, np.dtype(dtype))
    assert array.dtype.kind == np.dtype(dtype).kind
    assert np.dtype(dtype).itemsize in {0, array.dtype.itemsize}
    assert array.tolist() == expected


@pytest.mark.parametrize(
    ("value", "dtype", "words"),
    [
        ([[1], [1, 2]], None, "ragged"),
        ([[1], 2], None, "ragged"),
        ([1, [2]], None, "ragged"),
        ([[[1]], [1]], None, "ragged"),
        ([[], [1]], None, "ragged"),
        (deep(33), None, "more than 32 deep"),
        ([1, None], None, "null has no place"),
        (None, None, "null has no place"),
        ([{"a": 1}], None, "not objects"),
        ({}, None, "not objects"),
        ([1, "a"], None, "mixed: integers and text"),
        ([1.5, "a", True], None, "mixed: booleans, numbers and text"),
        ([True, 1], None, "mixed: booleans and integers"),
        (["a"], None, "text where numbers are expected"),
        (["1"], "int64", "text where int64 is declared"),
        ([b"a"], None, "bytes where numbers are expected"),
        ([b"a"], str, "bytes where"),
        ([2**63], None, "too large for int64"),
        ([-(2**63) - 1], None, "too large for int64"),
        ([10**400], "float64", "too large for float64"),
        ([1.5, 10**400], None, "too large for float64"),
        ([2**64], "uint64", "too large for uint64"),
        ([-1], "uint64", "out of the bounds of uint64"),
        ([256], "uint8", "out of the bounds of uint8"),
        ([-129], "int8", "out of the bounds of int8"),
        ([1e300], "float32", "too large for the declared type float32"),
        ([1.0], "int64", "float64 do not fit the declared type int64"),
        ([1], "bool", "int64 do not fit the declared type bool"),
        ([1], str, "do not fit"),
        (["abc"], "U2", "longer than the declared type"),
        (["é"], "S2", "does not fit the declared type"),
        (["tomorrow"], "datetime64[D]", "does not fit the declared type"),
    ],
    ids=str,
)
def test_lists_that_are_no_such_array_are_refused(value: Any, dtype: Any, words: str) -> None:
    assert words in refusal(value, dtype)


def test_one_long_text_among_many_short_ones_is_refused_before_it_takes_memory() -> None:
    longest = MAX_TEXT_GROWTH * get_config().bento_server.max_request_size // 4 // 1000
    assert array_of_lists(["a" * 100, *["b"] * 999], np.dtype(str)).nbytes == 400_000
    assert "differ too much" in refusal(["a" * (longest + 1), *["b"] * 999], str)


def test_infinite_number_fits_every_float() -> None:
    assert array_of_lists([float("inf"), float("nan")], np.dtype("float16")).dtype == "float16"
