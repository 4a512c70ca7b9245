"""Text that comes as the file of a form, over HTTP and in Lambda events."""

from __future__ import annotations

import base64
import gzip
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from bentoml.adapters import DataframeInput, JsonInput
from bentoml.types import HTTPRequest
from tests.adapters.contract import api_of

if TYPE_CHECKING:
    from bentoml.service.inference_api import InferenceAPI
    from bentoml.types import HTTPResponse


def echo(value: Any) -> Any:
    return value


def post(api: InferenceAPI, *, compress: bool = False, **form: Any) -> HTTPResponse:
    request = httpx.Request("POST", "http://localhost/", **form)
    headers, body = dict(request.headers), request.read()
    if compress:
        headers["content-encoding"], body = "gzip", gzip.compress(body)
    return api.handle_request(HTTPRequest(headers, body))


@pytest.fixture
def json_api() -> InferenceAPI:
    return api_of(JsonInput(), echo)


@pytest.fixture
def frame_api() -> InferenceAPI:
    return api_of(DataframeInput(), echo, batch=True)


@pytest.mark.parametrize(
    "file",
    [
        pytest.param(("a.json", '{"a": "ü"}'.encode(), "application/json"), id="utf-8"),
        pytest.param(("a", '{"a": "ü"}'.encode("latin-1"), "text/plain; charset=latin-1"), id="charset of the file"),
        pytest.param(("a", '{"a": "ü"}'.encode("utf-16")), id="guessed by byte order mark"),
        pytest.param(("a", '{"a": "ü"}'.encode("utf-16-le")), id="guessed by zero bytes"),
    ],
)
def test_json_file_is_decoded_and_parsed(json_api: InferenceAPI, file: tuple[Any, ...]) -> None:
    response = post(json_api, files={"anything": file}, data={"other": "value"})
    assert (response.status, response.body.decode()) == (200, '{"a": "ü"}')


def test_json_file_in_a_compressed_form_is_read(json_api: InferenceAPI) -> None:
    assert post(json_api, files={"f": ("f", b"3")}, compress=True).body == b"3"


@pytest.mark.parametrize(
    ("name", "content_type", "content"),
    [
        ("t.csv", "text/csv", b"a\r\n1\r\n"),
        ("T.CSV", "application/vnd.ms-excel", b"a\n1\n"),
        ("t", "text/csv; charset=utf-8", b"a\n1\n"),
        ("t.csv", "application/json", b'[{"a": 1}]'),
        ("t.json", "application/octet-stream", b'[{"a": 1}]'),
    ],
    ids=["csv", "csv by extension", "csv by content type", "content type wins", "json"],
)
def test_table_file_has_the_format_of_its_own_content_type(
    frame_api: InferenceAPI, name: str, content_type: str, content: bytes
) -> None:
    response = post(frame_api, files={"f": (name, content, content_type)})
    assert (response.status, response.body) == (200, b'[{"a":1}]')


@pytest.mark.parametrize(
    ("form", "count"),
    [
        pytest.param({"files": [("f", ("a", b"1")), ("f", ("b", b"1"))]}, 2, id="two files of one name"),
        pytest.param({"files": {"f": (None, b"1")}}, 0, id="no file"),
    ],
)
@pytest.mark.parametrize("adapter", [JsonInput(), DataframeInput()], ids=["json", "dataframe"])
def test_form_without_exactly_one_file_is_refused(
    adapter: JsonInput | DataframeInput, form: dict[str, Any], count: int
) -> None:
    response = post(api_of(adapter, echo, batch=True), **form)
    text = f"{type(adapter).__name__} accepts one text file at a time, the form has {count}"
    assert (response.status, response.body.decode()) == (400, f"{adapter.ERROR_PREFIX}{text}")


def test_form_that_is_cut_short_is_refused_alone(json_api: InferenceAPI) -> None:
    good = httpx.Request("POST", "http://localhost/", files={"f": ("f", b"3")})
    requests = [HTTPRequest(dict(good.headers), body) for body in (good.read(), good.read()[:-9])]
    assert [response.status for response in json_api.handle_batch_request(requests)] == [200, 400]


def test_form_in_a_lambda_event_is_read(json_api: InferenceAPI) -> None:
    request = httpx.Request("POST", "http://localhost/", files={"f": ("f", b"3")})
    event = {
        "headers": dict(request.headers),
        "body": base64.b64encode(request.read()).decode(),
        "isBase64Encoded": True,
    }
    assert json_api.handle_aws_lambda_event(event)["body"] == "3"
