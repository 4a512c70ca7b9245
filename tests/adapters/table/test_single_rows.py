"""Rows read together are the same as read one by one, and a body never reaches into its neighbour."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

import msgpack
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bentoml.adapters.errors import InputError
from bentoml.adapters.table.formats import parse_msgpack_table
from bentoml.adapters.table.json_table import JsonTable, parse_table
from bentoml.adapters.table.layout import TableLayout
from bentoml.adapters.table.single_rows import SINGLE_ROW_ORIENTS, parse_single_rows


def alone(text: str, orient: str | None, columns: tuple[str, ...] | None) -> JsonTable | None:
    try:
        return parse_table(text, orient, columns)
    except InputError:
        return None


orients = st.sampled_from(SINGLE_ROW_ORIENTS)
columns = st.sampled_from([None, ("a",), ("b", "a"), ()])
cells = (
    st.sampled_from([2**63 - 1, 2**63, 2**64, -(2**63) - 1, True, None, "x", "]]", [1], {"a": 1}])
    | st.integers(-9, 9)
    | st.floats(allow_nan=False)
)
rows = st.lists(cells, max_size=3) | st.dictionaries(st.sampled_from("abc"), cells, max_size=3)


@given(st.lists(rows, min_size=1, max_size=9), orients, columns)
@example([{"a": 2**63}, {"a": 1}], None, None)
def test_parse_single_rows_of_rows_gives_what_each_alone_gives(
    values: list[Any], orient: str | None, columns: tuple[str, ...] | None
) -> None:
    texts = [json.dumps([row]) for row in values]
    for text, table in zip(texts, parse_single_rows(texts, orient, columns), strict=True):
        expected = alone(text, orient, columns)
        # Rows are read here unless names have to be given to their values.
        assert table == expected or (table is None and columns is not None and text.startswith("[["))


def packed_alone(body: bytes, orient: str | None, columns: tuple[str, ...] | None) -> JsonTable | None:
    try:
        return parse_msgpack_table(body, TableLayout(orient, columns))
    except InputError:
        return None


packed_cells = (
    st.sampled_from([2**63 - 1, 2**63, True, None, "x", b"x", [1], {"a": 1}, datetime(2020, 1, 1, tzinfo=timezone.utc)])
    | st.integers(-9, 9)
    | st.floats(allow_nan=False)
)
packed_rows = st.lists(packed_cells, max_size=3) | st.dictionaries(
    st.sampled_from(["a", "b", "c", b"a"]), packed_cells, max_size=3
)


@given(st.lists(packed_rows, min_size=1, max_size=9), orients, columns)
def test_parse_single_rows_of_messagepack_gives_what_each_alone_gives_or_none(
    values: list[Any], orient: str | None, columns: tuple[str, ...] | None
) -> None:
    bodies = [msgpack.packb([row], datetime=True) for row in values]
    for body, table in zip(bodies, parse_single_rows(bodies, orient, columns), strict=True):
        assert table is None or table == packed_alone(body, orient, columns)
    assert any(parse_single_rows([msgpack.packb([{"a": 1.5}])], None, None))


fragments = st.text(alphabet='[],. 0123456789eE+-"n{}:ab', max_size=12)


@given(
    st.lists(fragments | fragments.map("[[{}]]".format) | st.just("[[1.5, 2.5]]"), min_size=1, max_size=5),
    orients,
    columns,
)
def test_parse_single_rows_of_anything_gives_what_each_alone_gives_or_none(
    texts: list[str], orient: str | None, columns: tuple[str, ...] | None
) -> None:
    for text, table in zip(texts, parse_single_rows(texts, orient, columns), strict=True):
        assert table is None or table == alone(text, orient, columns)


@pytest.mark.parametrize(
    "text",
    [
        "[[1.0], [2.0]]",
        "[[1.0]",
        "[[1.0,]]",
        "[[1.0]],[[2.0]]",
        "[[1.0]] x",
        '{"a": [1.0]}',
        "[[]]",
        "[{}]",
        "[]",
        "",
        "NaN",
        "[" * 100_000,
        None,
        b"[[1.0]]",
        b"",
    ],
    ids=repr,
)
def test_parse_single_rows_leaves_any_other_body_to_others_and_reads_its_neighbours(text: Any) -> None:
    tables = parse_single_rows(["[[1.5]]", text, "[[2.5]]"], None, None)
    assert tables == [JsonTable([[1.5]], (1, "f")), None, JsonTable([[2.5]], (1, "f"))]
