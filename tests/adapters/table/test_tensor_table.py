"""Tensors as tables and frames."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from bentoml.adapters.errors import InputError
from bentoml.adapters.open_inference.tensor import Tensor
from bentoml.adapters.table.json_table import parse_table
from bentoml.adapters.table.tensor_table import join_tensors, table_of_tensors


def tensor(name: str, datatype: str, values: Any, shape: list[int] | None = None) -> Tensor:
    dtype = {"FP64": "f8", "FP32": "f4", "INT64": "i8", "BOOL": "?", "BYTES": "O"}[datatype]
    array = np.array(values, dtype=dtype)
    return Tensor(name, datatype, array if shape is None else array.reshape(shape))


def test_single_tensor_of_two_axes_is_rows_and_columns() -> None:
    table = table_of_tensors([tensor("x", "FP64", [[1, 2], [3, 4]])], None)
    assert (len(table), table.group) == (2, (2, "ff"))
    frame = join_tensors([table, table])
    pd.testing.assert_frame_equal(frame, pd.DataFrame([[1.0, 2.0], [3.0, 4.0]] * 2))


def test_tensors_are_columns_of_their_names() -> None:
    tensors = [
        tensor("n", "INT64", [1, 2]),
        tensor("s", "FP32", [0.5, 1.5], [2, 1]),
        tensor("t", "BYTES", [b"a", "\u00fc".encode()]),
        tensor("b", "BOOL", [True, False]),
    ]
    table = table_of_tensors(tensors, None)
    assert table.group == (("n", "s", "t", "b"), ("INT64", "FP32", "BYTES", "BOOL"))
    expected = pd.DataFrame({"n": [1, 2], "s": np.array([0.5, 1.5], "f4"), "t": ["a", "ü"], "b": [True, False]})
    pd.testing.assert_frame_equal(join_tensors([table]), expected)


def test_single_column_has_its_name_and_more_have_none() -> None:
    assert table_of_tensors([tensor("x", "FP64", [1, 2], [2, 1])], None).group == (("x",), "f")
    assert table_of_tensors([tensor("x", "FP64", [1, 2])], None).group == (("x",), "f")


@pytest.mark.parametrize(
    "tensors",
    [
        [tensor("b", "FP64", [1]), tensor("c", "FP64", [9]), tensor("a", "FP64", [2])],
        [tensor("x", "FP64", [[2, 1]])],
        [tensor("x", "FP64", [[2, 1, 9]])],
        [tensor("a", "FP64", [[2, 1]])],
    ],
    ids=["by name", "by place", "more columns", "name of a column"],
)
def test_declared_columns_are_taken_in_their_order(tensors: list[Tensor]) -> None:
    table = table_of_tensors(tensors, ("a", "b"))
    assert table.group == (("a", "b"), "ff")
    assert join_tensors([table]).to_dict("list") == {"a": [2.0], "b": [1.0]}


def test_one_declared_column_is_found_by_place_as_well() -> None:
    for name in ("a", "input-0"):
        table = table_of_tensors([tensor(name, "FP64", [[1], [2]])], ("a",))
        assert join_tensors([table]).to_dict("list") == {"a": [1.0, 2.0]}


def test_columns_that_are_numbered_are_found_by_their_text() -> None:
    table = table_of_tensors([tensor("1", "FP64", [1]), tensor("0", "FP64", [2])], (0, 1))
    assert join_tensors([table]).to_dict("list") == {0: [2.0], 1: [1.0]}


@pytest.mark.parametrize(
    ("text", "tensors"),
    [
        ("[[1.5, 2.5]]", [tensor("x", "FP64", [[1.5, 2.5]])]),
        ('[{"a": 1, "b": "x"}]', [tensor("a", "INT64", [1]), tensor("b", "BYTES", ["x"])]),
        ('{"a": [true]}', [tensor("a", "BOOL", [True])]),
    ],
    ids=["floats", "columns", "booleans"],
)
def test_table_is_the_one_that_json_gives(text: str, tensors: list[Tensor]) -> None:
    table = table_of_tensors(tensors, None)
    assert table.as_json() == parse_table(text, None, None)
    assert table.group == parse_table(text, None, None).group


def test_table_that_json_cannot_give_is_apart() -> None:
    table = table_of_tensors([tensor("a", "FP32", [1])], None)
    assert table.group == (("a",), ("FP32",))
    assert table.as_json().group == (("a",), "f")


def test_record_has_the_columns_or_bare_rows() -> None:
    named = table_of_tensors([tensor("a", "FP32", [1])], None)
    assert named.log_record(9) == {"columns": ["a"], "data": [[1.0]]}
    bare = table_of_tensors([tensor("x", "INT64", [[1, 2]])], None)
    assert (bare.log_record(2), bare.log_record(1)) == ([[1, 2]], None)


def test_frame_may_be_written_to() -> None:
    content = np.array([[1.0, 2.0]]).tobytes()
    view = np.frombuffer(content).reshape(1, 2)
    frame = join_tensors([table_of_tensors([Tensor("x", "FP64", view)], None)])
    frame.iloc[0, 0] = 7.0
    assert view.tolist() == [[1.0, 2.0]]


BAD: dict[str, tuple[list[Tensor], Any, str]] = {
    "three axes": ([tensor("x", "FP64", [[[1, 2]]])], None, "has the shape"),
    "no axis": ([tensor("x", "FP64", 1)], None, "has the shape"),
    "two tables": ([tensor("x", "FP64", [[1, 2]]), tensor("y", "FP64", [1])], None, "has the shape"),
    "lengths": ([tensor("x", "FP64", [1, 2]), tensor("y", "FP64", [1])], None, "different lengths: 1, 2"),
    "no rows": ([tensor("x", "FP64", [])], None, "empty"),
    "no rows of columns": ([tensor("x", "FP64", [], [0, 3])], None, "empty"),
    "no columns": ([tensor("x", "FP64", [], [3, 0])], None, "empty"),
    "missing": ([tensor("x", "FP64", [1])], ("x", "y"), "the column 'y' is missing"),
    "few columns": ([tensor("x", "FP64", [[1, 2]])], ("a", "b", "c"), "rows have 2 values"),
    "no text": ([tensor("x", "BYTES", [b"\xff"])], None, "no UTF-8"),
}


@pytest.mark.parametrize(("tensors", "names", "text"), BAD.values(), ids=BAD)
def test_tensors_that_make_no_table_are_refused(tensors: list[Tensor], names: Any, text: str) -> None:
    with pytest.raises(InputError, match=text):
        table_of_tensors(tensors, names)
