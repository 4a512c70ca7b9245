"""Each client gets its answer in the format that it accepts, whoever shares its batch."""

from __future__ import annotations

import base64
import io
import json
import sys
from typing import TYPE_CHECKING, Any

import msgpack
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bentoml.adapters import DataframeInput, DataframeOutput, JsonInput, JsonOutput
from bentoml.adapters.wire.media_types import ARROW_STREAM, CSV, JSON, MSGPACK, PARQUET
from bentoml.types import HTTPRequest, InferenceTask
from tests.adapters.contract import api_of
from tests.thoroughness import examples

if TYPE_CHECKING:
    from bentoml.service.inference_api import InferenceAPI
    from bentoml.types import HTTPResponse

FRAME = pd.DataFrame(
    {
        "i": [1, 2, 3],
        "f": [1.5, np.nan, -0.1],
        "s": ["x", 'quo"te', "名"],
        "b": [True, False, True],
        "c": pd.Categorical(["u", "v", "u"]),
        "t": pd.to_datetime(["2020-01-01", "2020-01-02", "2020-01-03"]),
    }
)


def frame_of(body: bytes, media_type: str) -> pd.DataFrame:
    """What a client reads."""
    if media_type == ARROW_STREAM:
        frame: pd.DataFrame = pa.ipc.open_stream(body).read_all().to_pandas()
        return frame
    if media_type == PARQUET:
        return pd.read_parquet(io.BytesIO(body))
    if media_type == CSV:
        return pd.read_csv(io.BytesIO(body))
    return pd.DataFrame(msgpack.unpackb(body) if media_type == MSGPACK else json.loads(body))


def ask(api: InferenceAPI, *accepts: str | None, body: bytes = b'{"rows": 1}') -> list[HTTPResponse]:
    """The answers to requests that accept these."""
    headers = [{} if accept is None else {"Accept": accept} for accept in accepts]
    return api.handle_batch_request([HTTPRequest(one, body) for one in headers])


def frame_api(frame: pd.DataFrame, **settings: Any) -> InferenceAPI:
    """An API that answers each request with one row of a frame, in turn."""
    rows = b'[{"x": 1}]'
    api = api_of(DataframeInput(), lambda asked: frame.iloc[: len(asked)], batch=True, **settings)
    assert ask(api, None, body=rows)[0].status == 200
    return api


@pytest.mark.parametrize("media_type", [ARROW_STREAM, PARQUET, CSV, MSGPACK, JSON])
def test_frame_is_answered_in_the_format_that_the_client_accepts(media_type: str) -> None:
    api = api_of(DataframeInput(), lambda _: FRAME, batch=False)
    (response,) = ask(api, media_type, body=b"[[1]]")
    assert (response.status, response.headers.content_type) == (200, media_type)
    assert response.headers.getlist("vary") == ["Accept"]
    frame = frame_of(response.body, media_type)
    assert list(frame) == list(FRAME)
    assert frame["i"].tolist() == [1, 2, 3]
    assert frame["s"].tolist() == FRAME["s"].tolist()
    if media_type in {ARROW_STREAM, PARQUET}:
        pd.testing.assert_frame_equal(frame, FRAME)


def test_clients_of_one_batch_get_their_own_formats() -> None:
    accepts = [
        JSON,
        CSV,
        None,
        ARROW_STREAM,
        MSGPACK,
        PARQUET,
        "text/html",
        "application/x-msgpack;q=0.9, text/csv;q=0.1",
    ]
    expected = [JSON, CSV, JSON, ARROW_STREAM, MSGPACK, PARQUET, JSON, MSGPACK]
    api = api_of(DataframeInput(), lambda frame: frame, batch=True)
    bodies = [json.dumps([{"a": i, "b": str(i)}]).encode() for i in range(len(accepts))]
    requests = [
        HTTPRequest({} if accept is None else {"Accept": accept}, body)
        for accept, body in zip(accepts, bodies, strict=True)
    ]
    responses = api.handle_batch_request(requests)
    assert [response.headers.content_type for response in responses] == expected
    for i, (response, media_type) in enumerate(zip(responses, expected, strict=True)):
        assert frame_of(response.body, media_type).astype(str).to_dict("records") == [{"a": str(i), "b": str(i)}]


cells = st.sampled_from([1, 2.5, True, None, "x", "line\nbreak", ""])


@settings(deadline=None, max_examples=examples(40), suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.tuples(
            st.sampled_from([JSON, CSV, ARROW_STREAM, PARQUET, MSGPACK]),
            st.lists(st.tuples(cells, st.booleans(), st.sampled_from(["u", "v"])), min_size=1, max_size=3),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_piece_of_a_frame_is_written_as_if_it_were_alone(asked: list[tuple[str, list[Any]]]) -> None:
    def adapted(rows: list[Any]) -> pd.DataFrame:
        frame = pd.DataFrame({"a": pd.Series([row[0] for row in rows], dtype=object), "b": [row[1] for row in rows]})
        frame["c"] = pd.Categorical([row[2] for row in rows], categories=["u", "v"])
        frame["d"] = pd.Series([row[2] if row[1] else None for row in rows], dtype=pd.Series(["x"]).dtype)
        return frame

    def tasks_of(pairs: list[tuple[str, list[Any]]]) -> list[InferenceTask[Any]]:
        return [
            InferenceTask(batch=len(rows), http_headers={"Accept": accept})  # type: ignore[arg-type]  # a dict
            for accept, rows in pairs
        ]

    adapter = DataframeOutput()
    together = adapter.pack_user_func_return_value(adapted([row for _, rows in asked for row in rows]), tasks_of(asked))
    alone = [
        adapter.pack_user_func_return_value(adapted(rows), tasks_of([(accept, rows)]))[0] for accept, rows in asked
    ]
    assert [(one.http_status, one.data, one.http_headers) for one in together] == [
        (one.http_status, one.data, one.http_headers) for one in alone
    ]


def test_frame_for_each_task_is_written_as_each_client_accepts() -> None:
    tasks = [InferenceTask[Any](http_headers={"Accept": one}) for one in (CSV, MSGPACK, MSGPACK, JSON)]  # type: ignore[arg-type]  # dicts
    results = DataframeOutput().pack_user_func_return_value([FRAME[["i"]], FRAME[["i"]], 5, FRAME["i"]], tasks)
    assert results[0].data == "i\n1\n2\n3\n"
    assert msgpack.unpackb(results[1].data) == [{"i": 1}, {"i": 2}, {"i": 3}]
    assert msgpack.unpackb(results[2].data) == 5
    assert results[3].data == '[{"i":1},{"i":2},{"i":3}]'


def test_dates_and_missing_values_of_msgpack_are_those_of_json() -> None:
    api = api_of(DataframeInput(), lambda _: FRAME, batch=False)
    packed, written = ask(api, MSGPACK, JSON, body=b"[[1]]")
    assert msgpack.unpackb(packed.body) == json.loads(written.body)


@pytest.mark.parametrize("media_type", [ARROW_STREAM, PARQUET, MSGPACK])
def test_frame_that_a_format_has_no_place_for_is_406_for_that_client(media_type: str) -> None:
    odd = pd.DataFrame([[1, 2]], columns=["a", "a"])
    if media_type != MSGPACK:
        odd = pd.DataFrame({"a": [1j]}, dtype=object)
    (refused,) = ask(api_of(DataframeInput(), lambda _: odd, batch=False), media_type, body=b"[[1]]")
    assert (refused.status, refused.headers["vary"]) == (406, "Accept")
    assert refused.body.decode().endswith("it can as application/json")


def test_piece_that_cannot_be_written_spoils_no_other() -> None:
    frame = pd.DataFrame({"a": pd.Series([1, 1j, 3], dtype=object)})
    api = api_of(DataframeInput(), lambda _: frame, batch=True)
    assert [response.status for response in ask(api, *[PARQUET] * 3, body=b"[[1]]")] == [200, 406, 200]


@pytest.mark.parametrize(
    ("accept", "status", "media_type"),
    [
        (ARROW_STREAM, 406, "text/plain"),
        (f"{PARQUET}, text/csv;q=0.5", 200, CSV),
        (f"{PARQUET}, */*;q=0.1", 200, JSON),
        (CSV, 200, CSV),
    ],
)
def test_format_without_its_library_is_406_unless_the_client_accepts_another(
    accept: str, status: int, media_type: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("bentoml.adapters.wire.missing_library._logged", set())
    frame = pd.DataFrame({"a": [1, 2]})
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    responses = ask(api_of(DataframeInput(), lambda _: frame, batch=True), accept, JSON, body=b"[[1]]")
    assert [response.status for response in responses] == [status, 200]
    assert responses[0].headers.content_type == media_type
    assert b"pip" not in responses[0].body
    assert caplog.text.count("pip install pyarrow") == (accept != CSV)


@pytest.mark.parametrize("output", [None, JsonOutput(), DataframeOutput()], ids=["default", "json", "frame"])
@pytest.mark.parametrize("batch", [True, False], ids=["batch", "single"])
def test_values_are_answered_as_json_or_msgpack(output: Any, batch: bool) -> None:
    api = api_of(JsonInput(), lambda value: value, batch=batch, output_adapter=output)
    responses = ask(api, JSON, MSGPACK, None, CSV, body=b'{"a": [1, 2.5, null]}')
    assert [response.headers.content_type for response in responses] == [JSON, MSGPACK, JSON, JSON]
    assert {response.headers["vary"] for response in responses} == {"Accept"}
    assert responses[0].body == responses[2].body == responses[3].body == b'{"a": [1, 2.5, null]}'
    assert msgpack.unpackb(responses[1].body) == {"a": [1, 2.5, None]}


def test_rows_of_a_frame_are_answered_as_a_list_of_msgpack() -> None:
    api = api_of(DataframeInput(), lambda frame: frame["a"].tolist(), batch=True)
    responses = ask(api, MSGPACK, JSON, MSGPACK, body=b'[{"a": 1}, {"a": 2}]')
    assert [msgpack.unpackb(one.body) for one in responses[::2]] == [[1, 2], [1, 2]]
    assert responses[1].body == b"[1, 2]"


def test_value_that_msgpack_cannot_hold_fails_alone() -> None:
    circle: list[Any] = []
    circle.append(circle)
    tasks = [InferenceTask[Any](http_headers={"Accept": MSGPACK}) for _ in range(2)]  # type: ignore[arg-type]  # a dict
    results = JsonOutput().pack_user_func_return_value([circle, 1], tasks)
    assert [result.http_status for result in results] == [500, 200]


def test_lambda_answer_in_a_binary_format_is_base64() -> None:
    api = api_of(JsonInput(), lambda value: value, batch=False)
    event = {
        "headers": {"Accept": MSGPACK, "Content-Type": MSGPACK},
        "body": base64.b64encode(b"\x91\xcb?\xf8" + b"\0" * 6).decode(),
        "isBase64Encoded": True,
    }
    answer = api.handle_aws_lambda_event(event)
    assert (answer["statusCode"], answer["headers"]["Content-Type"]) == (200, MSGPACK)
    assert answer["isBase64Encoded"] is True
    assert msgpack.unpackb(base64.b64decode(answer["body"])) == [1.5]


def test_command_line_prints_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert api_of(DataframeInput(), lambda frame: frame, batch=True).handle_cli(["--input", '[{"a": 1}]']) == 0
    assert capsys.readouterr().out == '[{"a":1}]\n'


def test_schema_of_answers_has_all_formats() -> None:
    assert set(DataframeOutput().response_schema) == {JSON, CSV, ARROW_STREAM, PARQUET, MSGPACK}
    assert set(JsonOutput().response_schema) == {JSON, MSGPACK}
