"""What is said about the tensors of a table before there is one."""

from __future__ import annotations

from typing import Any

import pytest

from bentoml.adapters import DataframeInput

TABLES: dict[str, tuple[DataframeInput, list[tuple[str, str, tuple[int, ...]]]]] = {
    "nothing known": (DataframeInput(), [("input-0", "FP64", (-1, -1))]),
    "columns": (DataframeInput(columns=["a", "b"]), [("a", "FP64", (-1,)), ("b", "FP64", (-1,))]),
    "types": (
        DataframeInput(dtype={"a": "float32", "b": str, "c": "int"}),
        [("a", "FP32", (-1,)), ("b", "BYTES", (-1,)), ("c", "INT64", (-1,))],
    ),
    "types by place": (DataframeInput(dtype=["float64", "int64"]), [("input-0", "FP64", (-1, 2))]),
    "columns and types by place": (
        DataframeInput(columns=["a", "b"], dtype=["bool", "category"]),
        [("a", "BOOL", (-1,)), ("b", "BYTES", (-1,))],
    ),
    "example of records": (
        DataframeInput(http_input_example=[{"a": 1, "b": "x"}]),
        [("a", "INT64", (-1,)), ("b", "BYTES", (-1,))],
    ),
    "example of rows": (DataframeInput(http_input_example=[[1, 2, 3]]), [("input-0", "INT64", (-1, 3))]),
    "example of rows that differ": (DataframeInput(http_input_example=[[1, 0.5]]), [("input-0", "FP64", (-1, 2))]),
    "example and types": (
        DataframeInput(http_input_example=[{"a": 1, "b": 2}], dtype={"b": "float32"}),
        [("a", "INT64", (-1,)), ("b", "FP32", (-1,))],
    ),
    "example that is no table": (DataframeInput(http_input_example="a,b"), [("input-0", "FP64", (-1, -1))]),
}


@pytest.mark.parametrize(("adapter", "expected"), TABLES.values(), ids=TABLES)
def test_tensors_are_described_as_far_as_they_are_known(adapter: DataframeInput, expected: Any) -> None:
    assert [(spec.name, spec.datatype, spec.shape) for spec in adapter.tensor_specs] == expected
