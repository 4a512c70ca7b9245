"""Parquet files: what is read, and what is refused before it takes memory."""

from __future__ import annotations

import base64
import contextlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bentoml.adapters.errors import InputError
from bentoml.adapters.table import parquet_file, parquet_pages
from bentoml.adapters.table.formats import read_table
from bentoml.adapters.table.frame_table import FrameTable
from bentoml.adapters.table.layout import TableLayout
from bentoml.adapters.table.parquet_contents import MAX_BYTES, read_contents
from bentoml.adapters.wire.media_types import PARQUET
from tests.adapters.table_bodies import parquet_body
from tests.thoroughness import examples

if TYPE_CHECKING:
    from collections.abc import Callable

FREE = TableLayout()


def frame_of(body: bytes, layout: TableLayout = FREE) -> pd.DataFrame:
    table = read_table(body, PARQUET, layout)
    assert isinstance(table, FrameTable)
    return table.frame


FRAME = pd.DataFrame(
    {
        "f": [1.5, None, 2.5],
        "i": [1, 2, 3],
        "s": ["x", None, "x"],
        "b": [True, False, True],
        "t": pd.to_datetime(["2020-01-01", "NaT", "2021-01-01"]),
        "c": pd.Categorical(["u", None, "v"]),
        "a.b": ["dot", "in", "name"],
    }
)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"compression": "zstd"},
        {"compression": "none", "use_dictionary": False},
        {"data_page_version": "2.0", "compression": "gzip"},
        {"row_group_size": 1},
        {"data_page_size": 1},
        {"store_schema": False, "use_dictionary": ["s"]},
        {"column_encoding": {"i": "DELTA_BINARY_PACKED", "s": "DELTA_LENGTH_BYTE_ARRAY"}, "use_dictionary": False},
        {"column_encoding": {"f": "BYTE_STREAM_SPLIT"}, "use_dictionary": False},
    ],
    ids=str,
)
@pytest.mark.parametrize("index", [None, ["v", "w", "x"]], ids=["counted", "named"])
def test_frame_comes_back_with_its_types_and_without_its_index(options: dict[str, Any], index: Any) -> None:
    body = parquet_body(FRAME if index is None else FRAME.set_index(pd.Index(index)), **options)
    frame = frame_of(body)
    expected = FRAME if options.get("store_schema", True) else FRAME.astype({"c": FRAME["s"].dtype})
    if not options.get("store_schema", True):
        frame["c"] = frame["c"].astype(FRAME["s"].dtype)
        expected["t"] = expected["t"].astype(frame["t"].dtype)
    pd.testing.assert_frame_equal(frame[list(expected)], expected)
    frame.iloc[:, 0] = 7.0


def test_lists_and_structs_are_cells() -> None:
    frame = frame_of(parquet_body(pa.table({"l": [["x", "y"], []], "n": [[1.5], None], "s": [{"a": "x"}, {"a": "y"}]})))
    assert [list(cell) for cell in frame["l"]] == [["x", "y"], []]
    assert frame["s"].tolist() == [{"a": "x"}, {"a": "y"}]


TEXT = "x" * 1_000_000
# Small files of what would be large.
BOMBS: dict[str, Callable[[], bytes]] = {
    "one text again and again": lambda: parquet_body(pa.table({"a": [TEXT] * 200}), compression="zstd"),
    "one text in lists": lambda: parquet_body(pa.table({"a": [[TEXT]] * 200}), compression="zstd"),
    "one text in structs": lambda: parquet_body(pa.table({"a": [{"b": TEXT}] * 200}), compression="zstd"),
    "zeros": lambda: parquet_body(pa.table({"a": np.zeros(22_000_000)}), compression="zstd"),
    "nulls": lambda: parquet_body(pa.table({"a": pa.nulls(22_000_000, pa.float64())})),
    "lists that are null": lambda: parquet_body(pa.table({"a": pa.nulls(1_500_000, pa.list_(pa.int8()))})),
    "truths": lambda: parquet_body(
        pa.table({f"a{i}": np.zeros(1_000_000, bool) for i in range(22)}), compression="zstd"
    ),
    "bytes of a size": lambda: parquet_body(
        pa.table({"a": pa.array([b"x" * 10_000] * 20_000, pa.binary(10_000))}), compression="zstd"
    ),
}


@pytest.mark.parametrize("name", BOMBS)
def test_file_that_would_become_too_large_is_refused(name: str) -> None:
    body = BOMBS[name]()
    assert len(body) < 1_000_000
    with pytest.raises(InputError, match="larger than requests may be"):
        frame_of(body)


def test_text_that_can_repeat_itself_is_refused() -> None:
    body = parquet_body(FRAME[["s"]], use_dictionary=False, column_encoding={"s": "DELTA_BYTE_ARRAY"})
    with pytest.raises(InputError, match="DELTA_BYTE_ARRAY"):
        frame_of(body)


def test_contents_name_the_columns_and_where_they_are() -> None:
    body = parquet_body(pa.table({"a": [1, 2], "s": [{"t": "x"}, {"t": "y"}]}), row_group_size=1)
    contents = read_contents(body)
    assert [(chunk.path, chunk.is_bytes, chunk.rows) for chunk in contents.chunks] == [
        (("a",), False, 1),
        (("s", "t"), True, 1),
    ] * 2
    assert all(0 < chunk.start < chunk.end < len(body) for chunk in contents.chunks)
    assert b"ARROW:schema" in contents.notes


def test_pages_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_file, "MAX_PAGES", 5)
    with pytest.raises(InputError, match="more than"):
        frame_of(parquet_body(pa.table({"a": range(3), "b": range(3)}), row_group_size=1))
    assert parquet_pages.MAX_PAGES > 5


def test_contents_that_are_too_long_are_refused() -> None:
    body = parquet_body(FRAME)
    long = body[:-8] + (MAX_BYTES + 1).to_bytes(4, "little") + b"PAR1"
    with pytest.raises(InputError, match=f"at most {MAX_BYTES}"):
        frame_of(long)


def test_schema_of_arrow_is_read_with_the_same_limits_as_in_a_stream() -> None:
    body = parquet_body(pa.table({"a": [1]}))
    schema = read_contents(body).notes[b"ARROW:schema"]
    assert body.count(schema) == 1
    for damaged in (b"\xff" * len(schema), base64.b64encode(b"\xff" * (len(schema) * 3 // 4))[: len(schema)]):
        with pytest.raises(InputError, match=r"damaged|not valid base64"):
            frame_of(body.replace(schema, damaged))


@pytest.mark.parametrize(
    "body", [b"", b"PAR1", b"PAR1PAR1PAR1", b"PARE" * 4, b"PAR1" + b"\xff" * 12 + b"PAR1"], ids=repr
)
def test_body_that_is_no_file_is_refused(body: bytes) -> None:
    with pytest.raises(InputError):
        frame_of(body)


BODIES = [
    parquet_body(FRAME),
    parquet_body(FRAME, compression="zstd", data_page_version="2.0"),
    parquet_body(pa.table({"l": [["x", "y"], []], "s": [{"a": "x"}, None]}), use_dictionary=False),
]


@settings(deadline=None, max_examples=examples(150))
@given(
    st.sampled_from(BODIES),
    st.lists(st.tuples(st.integers(-2500, 5000), st.sampled_from([0, 1, 127, 128, 255])), min_size=1, max_size=6),
)
def test_damaged_file_is_a_table_or_refused(body: bytes, changes: list[tuple[int, int]]) -> None:
    damaged = bytearray(body)
    for place, byte in changes:
        damaged[place % len(damaged)] = byte
    with contextlib.suppress(InputError):
        assert len(read_table(bytes(damaged), PARQUET, FREE))
