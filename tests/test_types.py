"""Tags, headers, requests, tasks and results."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args, get_type_hints

import httpx
import pytest

from bentoml._util.http_headers import MAX_KEPT, _content_types
from bentoml.exceptions import BadInput, InvalidArgument, MissingDependencyException
from bentoml.types import (
    AwsLambdaEvent,
    DataFrameColumns,
    FileLike,
    HTTPHeaders,
    HTTPRequest,
    HTTPResponse,
    InferenceError,
    InferenceResult,
    InferenceTask,
    JsonSerializable,
    Tag,
)


def test_tag_parse_name_and_version_round_trips() -> None:
    assert str(Tag.parse("Iris:2021_A")) == "Iris:2021_A"


@pytest.mark.parametrize("text", ["Iris", "Iris:", ":1", ""])
def test_tag_parse_without_a_part_says_how_to_write_it(text: str) -> None:
    with pytest.raises(InvalidArgument, match="name:version"):
        Tag.parse(text)


def test_headers_look_up_ignores_case_and_keeps_order_and_repeats() -> None:
    headers = HTTPHeaders([("Set-Cookie", "a"), ("X-One", "1"), ("set-cookie", "b")])
    assert headers["SET-COOKIE"] == "a"
    assert headers.getlist("Set-Cookie") == ["a", "b"]
    assert list(headers) == ["Set-Cookie", "X-One"]
    assert len(headers) == 2
    assert "x-one" in headers
    assert "x-two" not in headers
    assert headers.to_json() == (("Set-Cookie", "a"), ("X-One", "1"), ("set-cookie", "b"))


def test_headers_set_replaces_and_copy_is_independent() -> None:
    headers = HTTPHeaders({"A": "1"})
    copy = HTTPHeaders(headers)
    copy["a"] = "2"
    copy.add("b", "3")
    assert headers == HTTPHeaders([("a", "1")])
    assert copy.to_json() == (("a", "2"), ("b", "3"))
    assert copy.setdefault("B", "4") == "3"
    assert copy.setdefault("C", "5") == "5"


def test_headers_copies_are_independent_in_both_directions() -> None:
    headers = HTTPHeaders({"A": "1"})
    copy = headers.copy()
    headers.add("B", "2")
    copy["A"] = "3"
    assert headers.to_json() == (("A", "1"), ("B", "2"))
    assert copy.to_json() == (("A", "3"),)


def test_headers_content_types_of_strangers_are_kept_in_bounded_number() -> None:
    for i in range(3 * MAX_KEPT):
        assert HTTPHeaders({"Content-Type": f"Text/X-{i}; charset=c{i}"}).content_type_and_charset == (
            f"text/x-{i}",
            f"c{i}",
        )
    assert HTTPHeaders({"Content-Type": "x" * 1000}).content_type == "x" * 1000
    assert len(_content_types) <= MAX_KEPT
    assert all(len(header) < 1000 for header in _content_types)


@pytest.mark.parametrize(
    ("value", "content_type", "charset"),
    [
        ('Application/JSON; Charset="UTF-8"', "application/json", "UTF-8"),
        ("text/csv", "text/csv", None),
        ("text/plain; boundary=x; charset=latin-1", "text/plain", "latin-1"),
        ("", "", None),
    ],
)
def test_headers_content_type_is_split_from_its_parameters(value: str, content_type: str, charset: str | None) -> None:
    headers = HTTPHeaders({"content-type": value})
    assert headers.content_type == content_type
    assert headers.charset == charset


@pytest.mark.parametrize(("value", "expected"), [("true", True), ("TRUE", True), ("no", False), ("", None)])
def test_headers_batch_request_header_has_three_answers(value: str, expected: bool | None) -> None:
    assert HTTPHeaders({"Bentoml-Is-Batch-Request": value}).is_batch_input is expected
    assert HTTPHeaders().is_batch_input is None


@pytest.mark.parametrize(
    "headers", [{"A": "1"}, [("A", "1")], (("A", "1"),), HTTPHeaders({"A": "1"})], ids=["dict", "list", "tuple", "own"]
)
def test_request_headers_may_be_given_in_any_form(headers: dict[str, str]) -> None:
    assert HTTPRequest(headers=headers, body=b"x").headers["a"] == "1"


def test_response_encodes_text() -> None:
    assert HTTPResponse.new(status=400, body="é").body == "é".encode()


def test_requests_and_responses_are_values() -> None:
    request = HTTPRequest({"A": "1"}, b"x", path="/p")
    assert replace(request, body=b"y") == HTTPRequest([("a", "1")], b"y", path="/p")
    assert request != HTTPRequest({"A": "1"}, b"x", path="/q")
    assert replace(HTTPResponse(201, {"A": "1"}, "x"), status=200) == HTTPResponse(200, {"a": "1"}, b"x")


def test_request_form_data_gives_values_and_files() -> None:
    client = httpx.Request(
        "POST", "http://localhost/", data={"k": "v"}, files=[("f", ("a.bin", b"1")), ("f", ("b.bin", b"2"))]
    )
    request = HTTPRequest(dict(client.headers), client.read())
    for stream, form, files in (request.parse_form_data(), HTTPRequest.parse_form_data(request)):
        assert (stream.read(), form, list(files)) == (b"", {"k": "v"}, ["f"])
        assert (files["f"].name, files["f"].read()) == ("a.bin", b"1")


@pytest.mark.parametrize(
    ("content_type", "rest", "form"),
    [
        ("application/x-www-form-urlencoded", b"", {"a": "1 2", "b": "", "c": "ü"}),
        ("application/octet-stream", b"a=1+2&b=&a=3&c=%C3%BC", {}),
        ("", b"a=1+2&b=&a=3&c=%C3%BC", {}),
    ],
    ids=["urlencoded", "no form", "no content type"],
)
def test_request_form_data_of_other_content_types(content_type: str, rest: bytes, form: dict[str, str]) -> None:
    stream, values, files = HTTPRequest({"Content-Type": content_type}, b"a=1+2&b=&a=3&c=%C3%BC").parse_form_data()
    assert (stream.read(), values, files) == (rest, form, {})


def test_request_form_data_when_the_form_is_malformed_is_bad_input() -> None:
    with pytest.raises(BadInput, match="cut short"):
        HTTPRequest({"Content-Type": "multipart/form-data; boundary=B"}, b"--B").parse_form_data()


def test_conversions_without_flask_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "flask", None)
    for convert in (HTTPRequest().to_flask_request, HTTPResponse().to_flask_response):
        with pytest.raises(MissingDependencyException, match="pip install flask"):
            convert()


def test_type_aliases_can_be_resolved_at_run_time() -> None:
    def function(event: AwsLambdaEvent, value: JsonSerializable, columns: DataFrameColumns) -> None: ...

    assert get_type_hints(function)["event"] == dict[str, Any]
    assert {int, list[Any]} <= set(get_args(get_type_hints(function)["value"]))
    assert get_type_hints(function)["columns"] == list[str]


def test_task_discard_keeps_the_answer_and_returns_the_task() -> None:
    task: InferenceTask[str] = InferenceTask(data="x")
    assert task.discard("no good", http_status=422, cli_status=7) is task
    assert task.is_discarded
    assert isinstance(task.error, InferenceError)
    assert (task.error.err_msg, task.error.http_status, task.error.cli_status) == ("no good", 422, 7)


def test_results_default_to_success_and_errors_to_failure() -> None:
    assert (InferenceResult[str]().http_status, InferenceResult[str]().cli_status) == (200, 0)
    assert (InferenceError[str]().http_status, InferenceError[str]().cli_status) == (500, 1)


def test_results_never_share_their_headers() -> None:
    first, second = InferenceResult[str](), InferenceResult[str]()
    first.http_headers["X"] = "1"
    assert "X" not in second.http_headers


def test_task_of_a_request_is_what_the_class_makes() -> None:
    request = HTTPRequest({"A": "1"}, b"x", method="GET")
    task: InferenceTask[str] = InferenceTask.of_request(request)
    assert task == InferenceTask(task_id="", http_method="GET", http_headers=request.headers)
    assert task.discard("no").error == InferenceError("no")
    assert replace(task, task_id="t").to_json() == {
        "task_id": "t",
        "http_method": "GET",
        "http_headers": (("A", "1"),),
        "is_discarded": True,
        "error": {"err_msg": "no"},
    }


def test_result_of_data_is_what_the_class_makes() -> None:
    headers = HTTPHeaders({"A": "1"})
    result = InferenceResult.of_data("x", headers)
    assert result == InferenceResult(data="x", http_headers=headers)
    result.http_headers.add("B", "2")
    assert "b" not in headers
    assert replace(result, task_id="t").to_json() == {
        "data": "x",
        "task_id": "t",
        "http_headers": (("A", "1"), ("B", "2")),
    }


def test_record_to_json_leaves_defaults_out() -> None:
    result = InferenceResult(data="[0]", http_status=201, task_id="t", http_headers=HTTPHeaders({"A": "1"}))
    assert result.to_json() == {"data": "[0]", "http_status": 201, "task_id": "t", "http_headers": (("A", "1"),)}
    assert set(InferenceTask(data=1).to_json()) == {"data", "task_id"}


def test_file_like_reads_memory_file_and_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a b.txt"
    path.write_bytes(b"on disk")
    with FileLike(uri=path.as_uri()) as file:
        assert (file.name, file.path, file.read()) == ("a b.txt", str(path), b"on disk")
    memory = FileLike(bytes_=b"0123", name="n.bin")
    memory.seek(2)
    assert (memory.name, memory.read(1), memory.tell(), memory.read()) == ("n.bin", b"2", 3, b"3")
    assert FileLike().read() == b""
    assert (memory.anew().read(), memory.anew().name) == (b"0123", "n.bin")
    with FileLike(uri=path.as_uri()).anew() as again:
        assert again.read() == b"on disk"
    assert [repr(FileLike(bytes_=b"0123", name="n.bin")), repr(FileLike())] == [
        "FileLike('n.bin', 4 bytes)",
        "FileLike(None, a stream)",
    ]
    with path.open("rb") as stream:
        assert FileLike(stream=stream).name == "a b.txt"


@pytest.mark.parametrize("uri", ["http://169.254.169.254/x", "s3://b/k", "/etc/passwd"])
def test_file_like_refuses_other_schemes(uri: str) -> None:
    with pytest.raises(InvalidArgument, match="file://"):
        FileLike(uri=uri)
