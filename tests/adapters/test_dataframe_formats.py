"""DataframeInput keeps the contract in every format, and reads the same table in all of them alike."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd
import pytest

from bentoml.adapters import DataframeInput
from bentoml.adapters.wire.media_types import ARROW_FILE, ARROW_STREAM, MSGPACK, NPY, PARQUET
from bentoml.types import HTTPRequest
from tests.adapters.contract import InputAdapterContract, api_of
from tests.adapters.forms import form_request
from tests.adapters.table_bodies import BODY_OF_FRAME, arrow_body, npy_body, parquet_body
from tests.adapters.test_dataframe_input import FrameContract, frame_of, rows_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class BinaryContract(FrameContract):
    IS_TEXT: ClassVar = False
    # Rows as JSON, which become bodies of the format.
    GOOD: ClassVar = ['[{"a": 1.5, "b": "x"}]', '[{"a": 2, "b": "y"}, {"a": 3, "b": "z"}]', '[{"c": "guilty"}]']
    MALFORMED: ClassVar = ["", "noise", "cut", "changed"]
    GUILTY: ClassVar = ('[{"c": "guilty"}]', "guilty")

    def content(self, body: str) -> bytes:
        write = BODY_OF_FRAME[self.CONTENT_TYPE]
        if body in {"", "noise"}:
            return body.encode()
        if body == "cut":
            return write(pd.DataFrame({"a": [1.5]}))[:-5]
        if body == "changed":
            return b"\xff" * 8 + write(pd.DataFrame({"a": [1.5]}))[8:]
        return write(pd.DataFrame(json.loads(body)))

    def value_words(self, bodies: Sequence[str]) -> list[str]:
        words = [self.content(body).decode("utf-8", "surrogateescape") for body in bodies]
        return ["--input", *words, *self.cli_format()]


class TestArrowStreamContract(BinaryContract):
    CONTENT_TYPE: ClassVar = ARROW_STREAM

    def cli_format(self) -> list[str]:
        return ["--format", "arrow"]


class TestArrowFileContract(BinaryContract):
    CONTENT_TYPE: ClassVar = ARROW_FILE

    def cli_format(self) -> list[str]:
        return ["--format", "arrow"]


class TestParquetContract(BinaryContract):
    CONTENT_TYPE: ClassVar = PARQUET

    def cli_format(self) -> list[str]:
        return ["--format", "parquet"]


class TestNpyContract(BinaryContract):
    CONTENT_TYPE: ClassVar = NPY

    def cli_format(self) -> list[str]:
        return ["--format", "npy"]


class TestMsgpackContract(BinaryContract):
    CONTENT_TYPE: ClassVar = MSGPACK

    def cli_format(self) -> list[str]:
        return ["--format", "msgpack"]


assert issubclass(BinaryContract, InputAdapterContract)

FRAME = pd.DataFrame({"b": [1, 2], "a": [1.5, 2.5], "c": ["x", "y"]})


@pytest.mark.parametrize("media_type", BODY_OF_FRAME)
@pytest.mark.parametrize("batch", [True, False], ids=["batch", "single"])
def test_table_in_any_format_is_the_same_frame(media_type: str, batch: bool) -> None:
    frames: list[pd.DataFrame] = []

    def function(frame: pd.DataFrame) -> Any:
        frames.append(frame)
        return frame

    api = api_of(DataframeInput(), function, batch=batch)
    response = api.handle_request(HTTPRequest({"Content-Type": media_type}, BODY_OF_FRAME[media_type](FRAME)))
    assert (response.status, json.loads(response.body)) == (200, FRAME.to_dict("records"))
    pd.testing.assert_frame_equal(frames[0], FRAME)
    frames[0].iloc[0, 0] = 7
    frames[0].iloc[0, 1] = 7.5
    assert frames[0].iloc[0, :2].tolist() == [7, 7.5]


@pytest.mark.parametrize("media_type", BODY_OF_FRAME)
def test_columns_and_types_hold_for_any_format(media_type: str) -> None:
    adapter = DataframeInput(columns=["a", "b"], dtype={"a": "float32", "b": str})
    frame = frame_of(adapter, BODY_OF_FRAME[media_type](FRAME), media_type)
    assert list(frame) == ["a", "b"]
    assert frame["a"].dtype == "float32"
    assert frame["b"].tolist() == ["1", "2"]


@pytest.mark.parametrize("media_type", BODY_OF_FRAME)
@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"columns": ["a", "z"]}, "'z' is missing"),
        ({"dtype": {"a": "int64"}}, "does not fit"),
        ({"dtype": {"b": "bool"}}, "does not fit"),
        ({"dtype": {"c": float}}, "does not fit"),
    ],
    ids=str,
)
def test_table_that_does_not_fit_is_refused_alone(media_type: str, settings: dict[str, Any], reason: str) -> None:
    api = api_of(DataframeInput(**settings), lambda frame: [0] * len(frame), batch=True)
    good = HTTPRequest(body=b'[{"a": 1, "b": 1, "c": 2, "z": 3}]')
    bad = HTTPRequest({"Content-Type": media_type}, BODY_OF_FRAME[media_type](FRAME))
    first, refused, last = api.handle_batch_request([good, bad, good])
    assert [first.status, refused.status, last.status] == [200, 400, 200]
    assert refused.body.startswith(b"DataframeInput Wrong input format: ")
    assert reason in refused.body.decode()


@pytest.mark.parametrize(
    ("first", "second", "calls"),
    [
        (ARROW_STREAM, PARQUET, 1),
        (ARROW_FILE, ARROW_STREAM, 1),
        (NPY, ARROW_STREAM, 1),
        (MSGPACK, "application/json", 1),
        (MSGPACK, ARROW_STREAM, 2),
    ],
)
def test_tables_of_the_same_columns_and_types_share_a_frame_whatever_their_format(
    first: str, second: str, calls: int
) -> None:
    lengths: list[int] = []

    def function(frame: pd.DataFrame) -> list[str]:
        lengths.append(len(frame))
        return rows_of(frame)

    frame = FRAME[["a", "b"]]
    bodies = {media_type: write(frame) for media_type, write in BODY_OF_FRAME.items()}
    bodies["application/json"] = frame.to_json(orient="records").encode()
    requests = [HTTPRequest({"Content-Type": one}, bodies[one]) for one in (first, second)]
    responses = api_of(DataframeInput(), function, batch=True).handle_batch_request(requests)
    assert [response.status for response in responses] == [200, 200]
    assert lengths == [4 // calls] * calls
    assert responses[0].body == responses[1].body


def test_arrays_of_numbers_share_a_frame_with_rows_of_the_same_type() -> None:
    lengths: list[int] = []

    def function(frame: pd.DataFrame) -> list[str]:
        lengths.append(len(frame))
        return rows_of(frame)

    requests = [
        HTTPRequest({"Content-Type": NPY}, npy_body(np.array([[1.5, 2.0]]))),
        HTTPRequest(body=b"[[1.5, 2.0]]"),
        HTTPRequest({"Content-Type": NPY}, npy_body(np.array([[1.5, 2.0]], dtype=np.float32))),
        HTTPRequest({"Content-Type": NPY}, npy_body(np.array([[1.5, 2.0]], dtype=">f8"))),
    ]
    responses = api_of(DataframeInput(), function, batch=True).handle_batch_request(requests)
    assert sorted(lengths) == [1, 3]
    assert responses[0].body == responses[1].body == responses[3].body != responses[2].body


def test_categories_of_another_order_never_share_a_frame() -> None:
    seen: list[list[str]] = []

    def function(frame: pd.DataFrame) -> list[int]:
        seen.append(list(frame["a"].cat.categories))
        return list(frame["a"].cat.codes)

    frames = [pd.DataFrame({"a": pd.Categorical(["x"], categories=order)}) for order in (["x", "y"], ["y", "x"])]
    requests = [HTTPRequest({"Content-Type": PARQUET}, parquet_body(frame)) for frame in frames]
    responses = api_of(DataframeInput(), function, batch=True).handle_batch_request([*requests, requests[0]])
    assert seen == [["x", "y"], ["y", "x"]]
    assert [response.body for response in responses] == [b"[0]", b"[1]", b"[0]"]


@pytest.mark.parametrize("content_type", ["text/plain", "application/octet-stream", "image/png", ""])
def test_body_of_any_other_content_type_is_json(content_type: str) -> None:
    assert frame_of(DataframeInput(), '[{"a": 1}]', content_type).to_dict("list") == {"a": [1]}


@pytest.mark.parametrize(
    ("name", "content_type", "media_type"),
    [
        ("t.parquet", "application/octet-stream", PARQUET),
        ("t", "application/x-parquet", PARQUET),
        ("t.feather", "application/octet-stream", ARROW_FILE),
        ("t.npy", "application/octet-stream", NPY),
        ("t.json", MSGPACK, MSGPACK),
    ],
)
def test_file_of_a_form_is_what_its_type_or_its_name_says(name: str, content_type: str, media_type: str) -> None:
    request = form_request(files={"file": (name, BODY_OF_FRAME[media_type](FRAME), content_type)})
    response = api_of(DataframeInput(), lambda frame: frame, batch=True).handle_request(request)
    assert (response.status, json.loads(response.body)) == (200, FRAME.to_dict("records"))


@pytest.mark.parametrize(
    ("extension", "media_type"),
    [("parquet", PARQUET), ("feather", ARROW_FILE), ("arrows", ARROW_STREAM), ("npy", NPY), ("msgpack", MSGPACK)],
)
def test_command_line_tells_the_format_by_the_extension(
    extension: str, media_type: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / f"table.{extension}"
    path.write_bytes(BODY_OF_FRAME[media_type](FRAME))
    api = api_of(DataframeInput(), lambda frame: frame, batch=True)
    assert api.handle_cli(["--input-file", str(path)]) == 0
    assert json.loads(capsys.readouterr().out) == FRAME.to_dict("records")
    assert api.handle_cli(["--input-file", str(path), "--format", "json"]) == 1


def test_unknown_format_of_the_command_line_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    api = api_of(DataframeInput(), lambda frame: frame, batch=True)
    assert api.handle_cli(["--input", "x", "--format", "excel"]) == 2
    assert "parquet" in capsys.readouterr().err


@pytest.mark.parametrize("media_type", [ARROW_STREAM, PARQUET])
def test_format_without_its_library_is_415_for_that_request_and_a_hint_in_the_log(
    media_type: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    body = BODY_OF_FRAME[media_type](FRAME)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setattr("bentoml.adapters.wire.missing_library._logged", set())
    api = api_of(DataframeInput(), lambda frame: [0] * len(frame), batch=True)
    request = HTTPRequest({"Content-Type": media_type}, body)
    responses = api.handle_batch_request([request, HTTPRequest(body=b"[[1]]"), request])
    assert [response.status for response in responses] == [415, 200, 415]
    assert b"pip" not in responses[0].body
    assert caplog.text.count("pip install pyarrow") == 1


def test_old_library_that_runs_code_of_streams_is_not_used(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    body = arrow_body(FRAME)
    monkeypatch.setattr("pyarrow.__version__", "13.0.0")
    monkeypatch.setattr("bentoml.adapters.wire.missing_library._logged", set())
    api = api_of(DataframeInput(), lambda frame: [0] * len(frame), batch=True)
    assert api.handle_request(HTTPRequest({"Content-Type": ARROW_STREAM}, body)).status == 415
    assert "pip install -U pyarrow" in caplog.text
