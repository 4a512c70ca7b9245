"""NumpyNdarrayOutput writes arrays as each client asks, and DefaultOutput does the same for arrays."""

from __future__ import annotations

import io
import json
from typing import Any

import msgpack
import numpy as np
import pytest

from bentoml.adapters import BaseOutputAdapter, DefaultOutput, NumpyNdarrayOutput
from bentoml.types import HTTPHeaders, InferenceResult, InferenceTask
from tests.adapters.contract import OutputAdapterContract

NPY = "application/x-npy"
MSGPACK = "application/vnd.msgpack"
ADAPTERS = [NumpyNdarrayOutput, DefaultOutput]


class TestArrays(OutputAdapterContract):
    def adapter(self) -> BaseOutputAdapter:
        return NumpyNdarrayOutput()

    def values(self, count: int) -> Any:
        return np.arange(count * 2.0).reshape(count, 2)


class TestArraysWithNan(TestArrays):
    def values(self, count: int) -> Any:
        return np.append(np.arange(count * 2.0 - 1), np.nan).reshape(count, 2) if count else np.empty((0, 2))

    def test_rows_are_cut_by_task(self) -> None:
        assert self.bodies([2, 1])[1] == "[[4.0, NaN]]"


class TestLists(OutputAdapterContract):
    def adapter(self) -> BaseOutputAdapter:
        return NumpyNdarrayOutput()

    def values(self, count: int) -> Any:
        return [np.full(2, i) for i in range(count)]


def task(accept: str, rows: int | None = 1) -> InferenceTask[Any]:
    return InferenceTask(batch=rows, http_headers=HTTPHeaders([("Accept", accept)] if accept else []))


def content(result: InferenceResult[Any]) -> tuple[str, Any]:
    """Content type, and the value that a client reads."""
    body: Any = result.data
    kind = result.http_headers.content_type
    if kind == NPY:
        array = np.load(io.BytesIO(body))
        return f"{kind} {array.dtype}", array.tolist()
    return kind, msgpack.unpackb(body) if kind == MSGPACK else json.loads(body)


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_each_client_gets_what_it_accepts(adapter: Any) -> None:
    tasks = [task(""), task(NPY, 2), task("application/msgpack"), task("*/*"), task("application/x-numpy"), task("a/b")]
    array = np.arange(14, dtype=np.float32).reshape(7, 2)
    results = adapter().pack_user_func_return_value(array, tasks)
    assert [content(result) for result in results] == [
        ("application/json", [[0.0, 1.0]]),
        (f"{NPY} float32", [[2.0, 3.0], [4.0, 5.0]]),
        (MSGPACK, [[6.0, 7.0]]),
        ("application/json", [[8.0, 9.0]]),
        (f"{NPY} float32", [[10.0, 11.0]]),
        ("application/json", [[12.0, 13.0]]),
    ]


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_element_of_a_task_without_rows_is_written_bare(adapter: Any) -> None:
    tasks = [task("", None), task(NPY, None), task(MSGPACK, None)]
    assert [content(one) for one in adapter().pack_user_func_return_value(np.array([1.5, 2.5, 3.5]), tasks)] == [
        ("application/json", 1.5),
        (f"{NPY} float64", 2.5),
        (MSGPACK, 3.5),
    ]


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_list_may_hold_an_array_for_each_task(adapter: Any) -> None:
    arrays = [np.eye(2), np.zeros(3, dtype="int8"), np.array("a")]
    tasks = [task(accept, None) for accept in (NPY, "", MSGPACK)]
    assert [content(one) for one in adapter().pack_user_func_return_value(arrays, tasks)] == [
        (f"{NPY} float64", [[1.0, 0.0], [0.0, 1.0]]),
        ("application/json", [0, 0, 0]),
        (MSGPACK, "a"),
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ([[1], [1, 2]], "[1, 2]"),
        ([{"a": 1}, {"a": np.float32(2)}], '{"a": 2.0}'),
        (np.array([None, {"b": 1}]), '{"b": 1}'),
    ],
    ids=["ragged", "objects", "array of objects"],
)
def test_what_no_array_can_hold_is_json_whatever_is_accepted(value: Any, text: str) -> None:
    results = NumpyNdarrayOutput().pack_user_func_return_value(value, [task(NPY, None), task(MSGPACK, None)])
    if isinstance(value[0], list):
        assert content(results[0]) == (f"{NPY} int64", [1])  # each piece is looked at by itself
    else:
        assert (results[1].http_headers.content_type, results[1].data) == ("application/json", text)


@pytest.mark.parametrize(
    ("array", "values"),
    [
        (np.array(["2020-01-31", "NaT"], dtype="datetime64[D]"), ["2020-01-31", "NaT"]),
        (np.array([1 + 2j]), ["(1+2j)"]),
        (np.array([b"a"]), ["a"]),
        (np.array(["é"]), ["é"]),
        (np.array([True]), [True]),
        (np.array([float("inf")]), [float("inf")]),
    ],
    ids=str,
)
def test_values_without_a_number_in_json_are_text(array: Any, values: list[Any]) -> None:
    accepted = ("", MSGPACK, NPY)
    bodies: list[Any] = [
        NumpyNdarrayOutput().pack_user_func_return_value(array, [task(accept, len(array))])[0].data
        for accept in accepted
    ]
    assert json.loads(bodies[0]) == values
    assert msgpack.unpackb(bodies[1]) == [one.encode() if array.dtype.kind == "S" else one for one in values]
    np.testing.assert_array_equal(np.load(io.BytesIO(bodies[2])), array)


def test_command_line_may_ask_for_the_text_of_python() -> None:
    tasks: list[InferenceTask[Any]] = [InferenceTask(batch=1, cli_args=("-o", "str")) for _ in range(2)]
    results = NumpyNdarrayOutput().pack_user_func_return_value(np.array([1.5, 2.5]), tasks)
    assert [one.data for one in results] == ["[1.5]", "[2.5]"]


def test_charset_and_escapes_are_those_of_json() -> None:
    adapter = NumpyNdarrayOutput(ensure_ascii=True, charset="utf-8")
    (result,) = adapter.pack_user_func_return_value(np.array(["é"]), [task("")])
    assert (result.data, result.http_headers["content-type"]) == ('["\\u00e9"]', "application/json; charset=utf-8")
