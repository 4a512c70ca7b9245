"""Arrays of numpy.save as tables: rows and columns, or records."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bentoml.adapters.errors import InputError
from bentoml.adapters.table.formats import read_table
from bentoml.adapters.table.joining import join_tables
from bentoml.adapters.table.layout import TableLayout
from bentoml.adapters.wire.media_types import NPY
from tests.adapters.table_bodies import npy_body


def frame_of(body: bytes, layout: TableLayout | None = None) -> pd.DataFrame:
    layout = layout or TableLayout()
    return join_tables([read_table(body, NPY, layout)], layout.dtype)


@pytest.mark.parametrize("dtype", ["f8", ">f4", "f2", "i8", ">i2", "u1", "u8", "?"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_array_of_rows_and_columns_is_a_frame_that_can_be_written_to(dtype: str, order: Any) -> None:
    array = np.array([[0, 1, 1], [1, 0, 1]], dtype=dtype, order=order)
    frame = frame_of(npy_body(array))
    pd.testing.assert_frame_equal(frame, pd.DataFrame(array.astype(array.dtype.newbyteorder("="))))
    frame.iloc[0] = frame.iloc[1]
    assert frame.iloc[0].tolist() == frame.iloc[1].tolist()


def test_columns_of_an_array_get_the_names_of_the_layout_from_left_to_right() -> None:
    frame = frame_of(npy_body(np.array([[1, 2, 3]])), TableLayout(columns=("x", "y"), dtype=["float32", str]))
    pd.testing.assert_frame_equal(frame, pd.DataFrame({"x": np.array([1], "f4"), "y": ["2"]}))


RECORDS = np.array(
    [(1.5, 2, "x", True), (2.5, 3, "名", False)], dtype=[("a", "f8"), ("b", ">i4"), ("c", "U3"), ("d", "?")]
)


@pytest.mark.parametrize("align", [False, True], ids=["packed", "aligned"])
def test_fields_of_records_are_columns(align: bool) -> None:
    records = RECORDS.astype(np.dtype(RECORDS.dtype.descr, align=align))
    expected = pd.DataFrame({"a": [1.5, 2.5], "b": np.array([2, 3], "i4"), "c": ["x", "名"], "d": [True, False]})
    pd.testing.assert_frame_equal(frame_of(npy_body(records)), expected)


def test_fields_with_names_beyond_latin_are_read() -> None:
    with pytest.warns(UserWarning, match="format 3"):
        body = npy_body(np.array([(1,)], dtype=[("名", "i8")]))
    assert list(frame_of(body)) == ["名"]


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.array([1.0]), "it has 1"),
        (np.ones((1, 1, 1)), "it has 3"),
        (np.array([["x"]]), "numbers"),
        (np.array([[1j]]), "numbers"),
        (np.array([["2020"]], dtype="M8[D]"), "numbers"),
        (np.ones((0, 3)), "empty"),
        (np.ones((3, 0)), "empty"),
        (np.array([[1]], dtype=object), "does not say its descr"),
        (np.array([(1, [2, 3])], dtype=[("a", "i8"), ("b", "i8", 2)]), "field"),
        (np.array([(1, None)], dtype=[("a", "i8"), ("b", "O")]), "field"),
        (np.array([(1, (2,))], dtype=[("a", "i8"), ("b", [("c", "i8")])]), "field"),
        (np.array([[(1,)]], dtype=[("a", "i8")]), "one axis"),
        (np.array([], dtype=[("a", "i8")]), "empty"),
    ],
    ids=str,
)
def test_any_other_array_is_refused(array: Any, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        frame_of(npy_body(array))


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b"(2,)", b"(9,)", "announces"),
        (b"'c'", b"'a'", "names of their own"),
        (b"'<U3'", b"'<U0'", "size 0"),
        (b"'<U3'", b"'<Z3'", "field"),
        (b"'c'", b"'\\'", "field"),
        (b"x\x00\x00\x00", b"\xff\xff\xff\x7f", "character"),
    ],
    ids=["rows", "name twice", "no size", "no type", "no name", "no character"],
)
def test_records_that_are_damaged_are_refused(old: bytes, new: bytes, reason: str) -> None:
    body = npy_body(RECORDS)
    assert old in body
    with pytest.raises(InputError, match=reason):
        frame_of(body.replace(old, new, 1))


def test_header_of_many_fields_takes_no_time() -> None:
    fields = b", ".join(b"('a%d', '<f8')" % i for i in range(200)) + b", ("
    header = b"{'descr': [" + fields + b"'x', "
    body = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
    with pytest.raises(InputError, match=re.escape("a field in the npy header")):
        frame_of(body)
