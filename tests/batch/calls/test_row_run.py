"""Rows of files get the answers that they get over HTTP, and each failing row its own reason."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import bentoml
from bentoml.adapters import DataframeInput, FileInput, FileOutput, JsonInput, NumpyNdarrayInput, StringInput
from bentoml.batch.calls.api_rows import rows_of
from bentoml.batch.calls.row_run import Caution, answer_rows
from bentoml.batch.calls.whole_columns import whole_columns
from bentoml.batch.sources.input_files import list_files
from bentoml.batch.sources.piece import CutSize, Format, Piece
from bentoml.batch.sources.plan import plan_pieces
from bentoml.service.inference_api import InferenceAPI
from bentoml.types import FileLike, HTTPRequest, InferenceError, InferenceResult


class Rows(bentoml.BentoService):
    @bentoml.api(input=DataframeInput(columns=["a", "b"]), batch=True)
    def frame(self, frame: pd.DataFrame) -> Any:
        if (frame["a"] < 0).any():
            raise ValueError("a is negative")
        total = frame["a"] + frame["b"]
        frame["a"] = 0  # what is done to the argument is seen by no other call
        return total

    @bentoml.api(input=DataframeInput(), batch=False)
    def one_frame(self, frame: pd.DataFrame) -> Any:
        return frame["a"].to_numpy() * 2

    @bentoml.api(input=JsonInput(), batch=True, mb_max_batch_size=2)
    def values(self, values: list[Any]) -> list[Any]:
        assert len(values) <= 2
        return [InferenceError("no a") if "a" not in value else {"twice": value["a"] * 2} for value in values]

    @bentoml.api(input=JsonInput(), batch=False)
    def value(self, value: Any) -> Any:
        return InferenceResult(data=value["a"] + 1) if value["a"] == 1 else value["a"] + 1

    @bentoml.api(input=StringInput(), batch=True)
    def text(self, texts: list[str]) -> list[int]:
        return [len(text) for text in texts]

    @bentoml.api(input=NumpyNdarrayInput(), batch=True)
    def array(self, array: np.ndarray[Any, Any]) -> Any:
        return np.stack([array.sum(axis=1), array.min(axis=1)], axis=1)

    @bentoml.api(input=FileInput(), batch=True)
    def file(self, files: list[Any]) -> list[int]:
        return [len(file.bytes_) for file in files]

    @bentoml.api(input=JsonInput(), batch=True)
    async def waiting(self, values: list[Any]) -> list[int]:
        return [len(values)] * len(values)


@dataclasses.dataclass
class Point:
    x: int


class Typed(bentoml.BentoService):
    @bentoml.api(batch=True)
    def points(self, points: list[Point]) -> list[Point]:
        return [Point(point.x + 1) for point in points]

    @bentoml.api(input=JsonInput(), output=FileOutput(), batch=True)
    def files(self, values: list[Any]) -> list[Any]:
        return [FileLike(bytes_=b"x") for _ in values]


def test_objects_are_what_they_are_over_http(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    path.write_text('{"x": 1}\n{"x": "no"}\n{"x": 3}')

    columns, errors = answered(Typed().get_inference_api("points"), piece_of(path))

    assert columns == {"result": [{"x": 2}, None, {"x": 4}]}
    assert list(errors) == [1]


def test_files_as_answers_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    path.write_text("1\n2")

    columns, errors = answered(Typed().get_inference_api("files"), piece_of(path))

    assert columns == {}
    assert all("a row of a file can be numbers, text or JSON" in reason for reason in errors.values())
    assert len(errors) == 2


@pytest.fixture(scope="module")
def service() -> Rows:
    return Rows()


def piece_of(*paths: Path, kind: Format | None = None) -> Piece:
    (piece,) = plan_pieces(list_files([str(path) for path in paths], kind), CutSize())
    return piece


def answered(
    api: InferenceAPI, piece: Piece, column: str | None = None, caution: Caution | None = None
) -> tuple[dict[str, list[Any]], dict[int, str]]:
    found = answer_rows(api, rows_of(api, piece, column), caution)
    return {name: list(values) for name, values in whole_columns(found).items()}, found.errors


def table_file(directory: Path, suffix: str, columns: dict[str, list[Any]]) -> Path:
    path = directory / f"data{suffix}"
    frame = pd.DataFrame(columns)
    if suffix == ".csv":
        frame.to_csv(path, index=False)
    elif suffix == ".jsonl":
        frame.to_json(path, orient="records", lines=True)
    elif suffix == ".parquet":
        pq.write_table(pa.Table.from_pandas(frame), path)
    else:
        frame.to_feather(path)
    return path


SUFFIXES = [".csv", ".jsonl", ".parquet", ".arrow"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_answers_to_a_frame_are_those_over_http(service: Rows, tmp_path: Path, suffix: str) -> None:
    api = service.get_inference_api("frame")
    path = table_file(tmp_path, suffix, {"b": [1.5, 2, 3], "a": [1, 2, 3], "other": ["x", "y", "z"]})
    body = pd.read_json(path, lines=True).to_json(orient="records") if suffix == ".jsonl" else None
    kinds = {".csv": "text/csv", ".parquet": "application/vnd.apache.parquet", ".jsonl": "application/json"}
    kind = kinds.get(suffix, "application/vnd.apache.arrow.file")
    content = path.read_bytes() if body is None else body.encode()
    over_http = api.handle_request(HTTPRequest(headers=[("Content-Type", kind)], body=content))

    columns, errors = answered(api, piece_of(path))

    assert errors == {}
    assert columns == {"result": [2.5, 4.0, 6.0]}
    assert [next(iter(row.values())) for row in json.loads(over_http.body)] == columns["result"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_rows_for_which_the_function_raises_are_found_alone(service: Rows, tmp_path: Path, suffix: str) -> None:
    a = [1] * 100
    a[17] = a[18] = a[99] = -1
    path = table_file(tmp_path, suffix, {"a": a, "b": list(range(100))})

    columns, errors = answered(service.get_inference_api("frame"), piece_of(path))

    assert errors == dict.fromkeys([17, 18, 99], "ValueError: a is negative")
    assert columns["result"] == [None if i in errors else 1 + i for i in range(100)]


def test_damaged_rows_of_csv_fail_alone(service: Rows, tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes(b'a,b\n1,2\n1,2,3\n\n"1",5\n\xff,1\n3,4\n')

    columns, errors = answered(service.get_inference_api("frame"), piece_of(path))

    assert columns["result"] == [3, None, 6, None, 7]
    assert errors == {
        1: "not valid CSV: the row has 3 values, the header 2",
        3: "the body is not utf-8 text",
    }


def test_damaged_lines_of_json_fail_alone(service: Rows, tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    path.write_bytes(b'{"a": 1, "b": 2}\n{"a": 1\n{"b": 1}\n\n"\xff"\n{"a": 3, "b": 4}')

    columns, errors = answered(service.get_inference_api("frame"), piece_of(path))

    assert columns["result"] == [3, None, None, None, 7]
    assert errors[1].startswith("not valid JSON: ")
    assert errors[2] == "the column 'a' is missing"
    assert errors[3] == "the body is not utf-8 text"


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_answers_of_functions_without_batches_are_one_per_row(service: Rows, tmp_path: Path, suffix: str) -> None:
    path = table_file(tmp_path, suffix, {"a": [1, 2, 3]})

    assert answered(service.get_inference_api("one_frame"), piece_of(path)) == ({"result": [2, 4, 6]}, {})
    assert answered(service.get_inference_api("value"), piece_of(path)) == ({"result": [2, 3, 4]}, {})


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_answers_to_values_keep_their_places_beside_errors(service: Rows, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"data{suffix}"
    path = table_file(tmp_path, suffix, {"a": [1, 2, 3], "b": ["x", "007", ""]})

    columns, errors = answered(service.get_inference_api("values"), piece_of(path))

    assert (columns, errors) == ({"result": [{"twice": 2}, {"twice": 4}, {"twice": 6}]}, {})


def test_errors_that_a_function_returns_are_those_of_the_row(service: Rows, tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    path.write_text('{"a": 1}\n{"b": 1}\n{"a":\n{"a": 4}\n')

    columns, errors = answered(service.get_inference_api("values"), piece_of(path))

    assert columns == {"result": [{"twice": 2}, None, None, {"twice": 8}]}
    assert errors == {1: "no a", 2: "Not a valid JSON format"}


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_text_is_that_of_a_column(service: Rows, tmp_path: Path, suffix: str) -> None:
    api = service.get_inference_api("text")
    piece = piece_of(table_file(tmp_path, suffix, {"id": ["7", "8"], "words": ["abc", "d"]}))

    assert answered(api, piece, "words") == ({"result": [3, 1]}, {})
    assert answered(api, piece, "no")[1] == dict.fromkeys([0, 1], "the column 'no' is missing")
    assert "--column" in answered(api, piece)[1][0]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_arrays_are_the_values_of_a_row(service: Rows, tmp_path: Path, suffix: str) -> None:
    if suffix == ".jsonl":
        path = tmp_path / "data.jsonl"
        path.write_text("[1, 2]\n[3, 4]\n")
    else:
        path = table_file(tmp_path, suffix, {"a": [1, 3], "b": [2, 4]})

    assert answered(service.get_inference_api("array"), piece_of(path)) == (
        {"result_0": [3, 7], "result_1": [1, 3]},
        {},
    )


def test_files_are_one_row_each(service: Rows, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"xyz")
    (tmp_path / "b").write_bytes(b"")

    assert answered(service.get_inference_api("file"), piece_of(tmp_path, kind=Format.WHOLE))[0] == {"result": [3, 0]}


def test_async_functions_are_asked_as_well(service: Rows, tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    path.write_text("1\n2\n3")

    assert answered(service.get_inference_api("waiting"), piece_of(path)) == ({"result": [3, 3, 3]}, {})


def test_caution_parts_the_calls_and_leaves_out_deadly_rows(service: Rows, tmp_path: Path) -> None:
    path = table_file(tmp_path, ".csv", {"a": list(range(6)), "b": [0] * 6})
    said: list[tuple[int, int]] = []
    caution = Caution((3,), (4,), lambda start, end: said.append((start, end)))

    columns, errors = answered(service.get_inference_api("frame"), piece_of(path), caution=caution)

    assert said == [(0, 3), (3, 4), (5, 6)]
    assert columns["result"] == [0, 1, 2, 3, None, 5]
    assert "died" in errors[4]


NO_LIBRARIES = """
import sys
from bentoml.batch.calls.api_rows import rows_of
from bentoml.batch.calls.row_run import answer_rows
from bentoml.batch.calls.whole_columns import whole_columns
from bentoml.batch.sinks.text_rows import csv_of, json_lines_of
from bentoml.batch.sources.input_files import list_files
from bentoml.batch.sources.piece import CutSize
from bentoml.batch.sources.plan import plan_pieces
import bentoml
class Service(bentoml.BentoService):
    @bentoml.api(input=bentoml.adapters.JsonInput(), batch=True)
    def value(self, values):
        return [value["a"] for value in values]
api = Service().get_inference_api("value")
for piece in plan_pieces(list_files(sys.argv[1:], None), CutSize()):
    columns = whole_columns(answer_rows(api, rows_of(api, piece, None)))
    print(csv_of(columns).decode(), json_lines_of(columns).decode())
assert not {"numpy", "pandas", "pyarrow"} & set(sys.modules), sorted(sys.modules)
"""


def test_text_is_answered_without_numpy_pandas_and_pyarrow(tmp_path: Path) -> None:
    (tmp_path / "1.csv").write_text("a\n1\n")
    (tmp_path / "2.jsonl").write_text('{"a": 2}\n')
    argv = [sys.executable, "-c", NO_LIBRARIES, str(tmp_path / "1.csv"), str(tmp_path / "2.jsonl")]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["1", '{"result":', "1}", "2", '{"result":', "2}"]
