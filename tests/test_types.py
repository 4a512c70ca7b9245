"""Tags, headers, requests, tasks and results."""

from __future__ import annotations

from pathlib import Path

import pytest

from bentoml.exceptions import InvalidArgument
from bentoml.types import (
    FileLike,
    HTTPHeaders,
    HTTPRequest,
    HTTPResponse,
    InferenceError,
    InferenceResult,
    InferenceTask,
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
    with path.open("rb") as stream:
        assert FileLike(stream=stream).name == "a b.txt"


@pytest.mark.parametrize("uri", ["http://169.254.169.254/x", "s3://b/k", "/etc/passwd"])
def test_file_like_refuses_other_schemes(uri: str) -> None:
    with pytest.raises(InvalidArgument, match="file://"):
        FileLike(uri=uri)
