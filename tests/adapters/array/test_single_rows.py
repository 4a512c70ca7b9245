"""Rows of numbers read together are the same as read one by one, and a body never reaches into its neighbour."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bentoml.adapters.array.json_lists import array_of_json
from bentoml.adapters.array.single_rows import parse_single_rows
from bentoml.adapters.errors import InputError

Row = tuple[str, list[Any]]


def one_by_one(bodies: Sequence[bytes], dtype: Any) -> list[Row] | None:
    try:
        arrays = [array_of_json(body, dtype) for body in bodies]
    except InputError:
        return None
    assert all(array.ndim == 2 and len(array) == 1 for array in arrays)
    return [(str(array.dtype), array[0].tolist()) for array in arrays]


def together(bodies: Sequence[bytes], dtype: Any) -> list[Row] | None:
    parts = parse_single_rows(bodies, dtype)
    if parts is None:
        return None
    rows: dict[int, Row] = {}
    for positions, array in parts:
        assert len(positions) == len(array)
        rows.update({at: (str(array.dtype), row.tolist()) for at, row in zip(positions, array, strict=True)})
    return [rows[at] for at in range(len(bodies))]


NUMBERS = st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.integers(-3, 3), st.integers())
DTYPES = st.sampled_from([None, np.dtype("float32"), np.dtype("int8"), np.dtype("uint64"), np.dtype(bool)])


@given(
    st.integers(1, 4).flatmap(lambda width: st.lists(st.lists(NUMBERS, min_size=width, max_size=width), min_size=1)),
    DTYPES,
)
def test_rows_of_numbers_give_what_each_alone_gives_or_nothing(rows: list[list[Any]], dtype: Any) -> None:
    bodies = [json.dumps([row]).encode() for row in rows]
    read = together(bodies, dtype)
    assert read == one_by_one(bodies, dtype)


FRAGMENTS = st.text(alphabet='[],. 0123456789eE+-"n{}', max_size=12)


@given(st.lists(st.one_of(FRAGMENTS, FRAGMENTS.map("[[{}]]".format), st.just("[[1.5, 2]]")), min_size=1, max_size=5))
@example(["[[1,]]", "[[2]]"])
@example(["[[1]],[[2]]", "[[1]]"])
@example(["[[,1]]", "[[1,]]"])
@example(["[[1 ]]", "[[ 1]]"])
@example(["[[1e]]", "[[1]]"])
@example(["[[-]]", "[[1]]"])
@example(["[[ ]]", "[[1]]"])
@example(["[[01]]", "[[1]]"])
def test_anything_gives_what_each_alone_gives_or_nothing(texts: list[str]) -> None:
    bodies = [text.encode() for text in texts]
    read = together(bodies, None)
    assert read is None or read == one_by_one(bodies, None)


@pytest.mark.parametrize(
    "bodies",
    [
        pytest.param([b"[[1.0]]", b"[[1.0, 2.0]]"], id="another width"),
        pytest.param([b"[[1.0]]", b"[[1.0], [2.0]]"], id="two rows"),
        pytest.param([b"[[1.0]]", b"[1.0]"], id="no row"),
        pytest.param([b"[[1.0]]", b"[[[1.0]]]"], id="three axes"),
        pytest.param([b"[[1.0]]", b"[[null]]"], id="null"),
        pytest.param([b"[[1]]", b"[[%d]]" % 2**63], id="too large"),
    ],
)
def test_batch_with_another_body_is_left_to_others(bodies: list[bytes]) -> None:
    assert parse_single_rows(bodies, None) is None


def test_integers_and_fractions_are_parted() -> None:
    bodies = [b"[[1, 2]]", b"[[1, 2.5]]", b"[[3, 4]]"]
    parts = parse_single_rows(bodies, None)
    assert parts is not None
    assert [(positions, str(array.dtype), array.tolist()) for positions, array in parts] == [
        ([0, 2], "int64", [[1, 2], [3, 4]]),
        ([1], "float64", [[1.0, 2.5]]),
    ]
