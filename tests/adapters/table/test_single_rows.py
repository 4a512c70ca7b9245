"""Rows of numbers read together are the same as read one by one, and a body never reaches into its neighbour."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bentoml.adapters.errors import InputError
from bentoml.adapters.table.json_table import JsonTable, parse_table
from bentoml.adapters.table.single_rows import parse_single_rows


def one_by_one(texts: Sequence[str]) -> list[JsonTable] | None:
    try:
        return [parse_table(text, None, None) for text in texts]
    except InputError:
        return None


FLOATS = st.floats(allow_nan=False, allow_infinity=False, width=32)


@given(st.integers(1, 5).flatmap(lambda width: st.lists(st.lists(FLOATS, min_size=width, max_size=width), min_size=1)))
def test_parse_single_rows_of_rows_of_floats_gives_what_each_alone_gives(rows: list[list[float]]) -> None:
    texts = [json.dumps([row]) for row in rows]
    assert parse_single_rows(texts) == one_by_one(texts)


FRAGMENTS = st.text(alphabet='[],. 0123456789eE+-"n{}', max_size=12)


@given(st.lists(st.one_of(FRAGMENTS, FRAGMENTS.map("[[{}]]".format), st.just("[[1.5, 2.5]]")), min_size=1, max_size=5))
def test_parse_single_rows_of_anything_gives_what_each_alone_gives_or_none(texts: list[str]) -> None:
    tables = parse_single_rows(texts)
    assert tables is None or tables == one_by_one(texts)


@pytest.mark.parametrize(
    "texts",
    [
        pytest.param(["[[1.0]]", "[[1]]"], id="an integer"),
        pytest.param(["[[1.0]]", "[[1.0, 2.0]]"], id="another width"),
        pytest.param(["[[1.0]]", "[[1.0], [2.0]]"], id="two rows"),
        pytest.param(["[[1.0]]", "[[1.0]"], id="cut short"),
        pytest.param(["[[1.0,]]", "[[1.0]]"], id="a comma too many"),
        pytest.param(["[[1.0]],[[2.0]]", "[[1.0]]"], id="two tables in one body"),
        pytest.param(["[[1.0", "2.0]]"], id="one table in two bodies"),
        pytest.param(["[[1.0]]", '{"a": 1.0}'], id="an object"),
        pytest.param(["[[1.0]]", "[[ ]]"], id="no value"),
        pytest.param(["[[1.0]]", ""], id="nothing"),
    ],
)
def test_parse_single_rows_of_any_other_batch_gives_none(texts: list[str]) -> None:
    assert parse_single_rows(texts) is None
