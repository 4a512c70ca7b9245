"""The output adapters keep the contract, and write what they say."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bentoml.adapters import BaseOutputAdapter, DataframeOutput, DefaultOutput, JsonOutput
from bentoml.adapters.errors import ReturnLengthError
from bentoml.exceptions import APIDeprecated
from bentoml.types import InferenceError, InferenceResult, InferenceTask
from tests.adapters.contract import OutputAdapterContract


class TestJsonOutputOfLists(OutputAdapterContract):
    def adapter(self) -> BaseOutputAdapter:
        return JsonOutput()

    def values(self, count: int) -> Any:
        return list(range(count))


class TestJsonOutputOfArrays(OutputAdapterContract):
    def adapter(self) -> BaseOutputAdapter:
        return JsonOutput(ensure_ascii=True)

    def values(self, count: int) -> Any:
        return np.arange(count * 2.0).reshape(count, 2)


class TestDataframeOutputOfFrames(OutputAdapterContract):
    def adapter(self) -> BaseOutputAdapter:
        return DataframeOutput()

    def values(self, count: int) -> Any:
        return pd.DataFrame({"a": range(count), "b": ["x\ny"] * count})


class TestDataframeOutputOfLists(OutputAdapterContract):
    def adapter(self) -> BaseOutputAdapter:
        return DataframeOutput("split")

    def values(self, count: int) -> Any:
        return list(range(count))


class TestDefaultOutputOfArrays(OutputAdapterContract):
    def adapter(self) -> BaseOutputAdapter:
        return DefaultOutput()

    def values(self, count: int) -> Any:
        return np.arange(count)


class TestDefaultOutputOfSeries(OutputAdapterContract):
    def adapter(self) -> BaseOutputAdapter:
        return DefaultOutput()

    def values(self, count: int) -> Any:
        return pd.Series(range(count), name="a")


def bodies(adapter: BaseOutputAdapter, value: Any, rows_of_tasks: list[int | None], **task: Any) -> list[Any]:
    """The data of each result."""
    tasks = [InferenceTask[Any](batch=rows, **task) for rows in rows_of_tasks]
    return [result.data for result in adapter.pack_user_func_return_value(value, tasks)]


@pytest.mark.parametrize(
    ("value", "body"),
    [
        (np.array([0]), "[0]"),
        ([0], "[0]"),
        ([np.int64(3)], "[3]"),
        (np.array([True]), "[true]"),
        (np.array(["a"]), '["a"]'),
        (np.array([[1.5, 2]]), "[[1.5, 2.0]]"),
        ((1,), "[1]"),
    ],
)
def test_rows_of_a_frame_request_are_always_an_array(value: Any, body: str) -> None:
    assert bodies(JsonOutput(), value, [1]) == [body]


@pytest.mark.parametrize(
    ("value", "body"),
    [
        (2.0, "2.0"),
        (np.float64(2.0), "2.0"),
        (np.float32(0.5), "0.5"),
        (np.bool_(True), "true"),
        (True, "true"),
        (None, "null"),
        ((10, 10, 3), "[10, 10, 3]"),
        ([True, 1], "[true, 1]"),
        ([1, 2.5, -0.0], "[1, 2.5, -0.0]"),
        (b"\x81\x30\x89\x39", '{"b64": "gTCJOQ=="}'),
        (b"abc", '"abc"'),
        (bytearray(b"abc"), '"abc"'),
        ("名前", '"名前"'),
        ({"a": [1, {"b": None}]}, '{"a": [1, {"b": null}]}'),
        ({"a": np.arange(2)}, '{"a": [0, 1]}'),
        ({np.int64(1): 2, 3: 4, None: 5, ("x",): 6}, """{"1": 2, "3": 4, "null": 5, "('x',)": 6}"""),
        (math.nan, "NaN"),
        ([math.nan, math.inf, 1.0], "[NaN, Infinity, 1.0]"),
        (np.array([math.nan]), "[NaN]"),
        (1 + 2j, '{"unknown_obj": "(1+2j)"}'),
        (np.datetime64("2020-01-01"), '{"unknown_obj": "2020-01-01"}'),
        ({1}, '{"unknown_obj": "{1}"}'),
    ],
    ids=str,
)
def test_element_is_written_in_its_literal_form(value: Any, body: str) -> None:
    assert bodies(JsonOutput(), [value], [None]) == [body]


def test_text_when_ensure_ascii_is_escaped() -> None:
    assert bodies(JsonOutput(ensure_ascii=True), ["名"], [None]) == ['"\\u540d"']


def test_charset_is_added_to_the_content_type() -> None:
    (result,) = JsonOutput(charset="utf-8").pack_user_func_return_value([1], [InferenceTask()])
    assert result.http_headers.to_json() == (("Content-Type", "application/json; charset=utf-8"), ("Vary", "Accept"))


def test_cors_argument_is_deprecated() -> None:
    with pytest.raises(APIDeprecated, match="cors"):
        JsonOutput(cors="*")


def test_element_that_json_cannot_hold_fails_alone() -> None:
    circle: list[Any] = []
    circle.append(circle)
    results = JsonOutput().pack_user_func_return_value([1, circle, 3], [InferenceTask() for _ in range(3)])
    assert [result.http_status for result in results] == [200, 500, 200]


def test_output_format_str_prints_the_object() -> None:
    assert bodies(JsonOutput(), ["a", None], [None, None], cli_args=("-o", "str")) == ["a", "None"]
    frame = pd.DataFrame({"a": [1]})
    assert bodies(DataframeOutput(), frame, [1], cli_args=("--output", "str")) == [str(frame)]
    assert bodies(DataframeOutput(), [frame], [None], cli_args=("--output=str",)) == [str(frame)]


FRAME = pd.DataFrame({"a": [1, 2, 3], "b": ["x", "名/", None], "c": [1.5, None, 3.0]})


@pytest.mark.parametrize("orient", ["records", "columns", "values", "split", "index", "table"])
def test_piece_of_a_frame_is_written_as_if_it_were_alone(orient: Any) -> None:
    pieces = [FRAME.iloc[:2], FRAME.iloc[2:].reset_index(drop=True)]
    assert bodies(DataframeOutput(orient), FRAME, [2, 1]) == [piece.to_json(orient=orient) for piece in pieces]


def test_index_that_the_user_made_is_kept() -> None:
    frame = FRAME.set_index(pd.Index(["r", "s", "t"]))
    assert [json.loads(body) for body in bodies(DataframeOutput("columns"), frame[["a"]], [2, 1])] == [
        {"a": {"r": 1, "s": 2}},
        {"a": {"t": 3}},
    ]


def test_series_is_a_frame_of_one_column() -> None:
    assert bodies(DataframeOutput(), pd.Series([20, 40], name="col1"), [1, 1]) == ['[{"col1":20}]', '[{"col1":40}]']
    assert bodies(DataframeOutput(), pd.Series([20]), [1]) == ['[{"0":20}]']


def test_one_frame_per_task_is_written_whole() -> None:
    value = [FRAME[["a"]], 5, FRAME["a"]]
    assert bodies(DataframeOutput("values"), value, [None, None, 2]) == ["[[1],[2],[3]]", "5", "[[1],[2],[3]]"]
    with pytest.raises(ReturnLengthError):
        bodies(DataframeOutput(), value, [None, None])


@pytest.mark.parametrize("orient", ["records", "columns"])
def test_dates_are_milliseconds_since_1970(orient: str) -> None:
    frame = pd.DataFrame(
        {
            "naive": pd.to_datetime(["2020-01-01", "NaT"]),
            "aware": pd.to_datetime(["2020-01-01T01:00:00+01:00", "NaT"], utc=True).tz_convert("Europe/Berlin"),
            "span": pd.to_timedelta(["1s", None]),
        }
    )
    (body,) = bodies(DataframeOutput(orient), frame, [2])
    got = pd.DataFrame(json.loads(body))
    assert got.iloc[0].tolist() == [1577836800000, 1577836800000, 1000]
    assert got.iloc[1].isna().all()
    assert frame["naive"].dtype.kind == "M"


def test_dates_in_the_index_are_milliseconds() -> None:
    frame = pd.DataFrame({"a": [1]}, index=pd.to_datetime(["2020-01-01"]))
    assert bodies(DataframeOutput("index"), frame, [1]) == ['{"1577836800000":{"a":1}}']


def test_unknown_output_orient_is_an_assertion_error() -> None:
    with pytest.raises(AssertionError, match="output_orient"):
        DataframeOutput("rows")


def test_default_output_after_an_error_or_a_list_still_writes_frames() -> None:
    adapter = DefaultOutput()
    for value, body in [(FRAME[["a"]][:1], '[{"a":1}]'), ([7], "[7]"), (FRAME["a"][:1], '[{"a":1}]')]:
        assert bodies(adapter, value, [1]) == [body]
        adapter.to_http_response(InferenceError(err_msg="no"))


class TestToCli:
    def test_results_print_one_line_each(self, capsys: pytest.CaptureFixture[str]) -> None:
        results = [InferenceResult[Any](data="[0]"), InferenceResult[Any](data=b"[1]")]
        assert JsonOutput().to_cli(results) == 0
        assert capsys.readouterr() == ("[0]\n[1]\n", "")

    def test_error_goes_to_stderr_and_sets_the_exit_code(self, capsys: pytest.CaptureFixture[str]) -> None:
        results = [InferenceError[Any](err_msg="no", cli_status=3), InferenceResult[Any](data="[0]")]
        assert JsonOutput().to_cli(results) == 3
        assert capsys.readouterr() == ("[0]\n", "no\n")

    def test_error_without_text_says_where_to_look(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert JsonOutput().to_cli([InferenceError[Any]()]) == 1
        printed = capsys.readouterr()
        assert printed.out == ""
        assert "log" in printed.err


def test_lambda_answer_that_is_no_text_is_base64() -> None:
    answer = JsonOutput().to_aws_lambda_event(InferenceResult(data=b"\xff", http_status=201))
    assert answer == {
        "statusCode": 201,
        "body": "/w==",
        "isBase64Encoded": True,
        "headers": {"Content-Type": "application/octet-stream", "Access-Control-Allow-Origin": "*"},
    }


def test_data_that_is_neither_text_nor_bytes_is_an_error() -> None:
    with pytest.raises(TypeError, match="must be str or bytes, not dict"):
        JsonOutput().to_http_response(InferenceResult(data={"a": 1}))
