"""FileInput keeps the contract, and hands over files as they came."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from bentoml.adapters import FileInput
from bentoml.types import FileLike, HTTPRequest
from tests.adapters.contract import InputAdapterContract, api_of
from tests.adapters.forms import FORM, form_body, form_request

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

EMPTY = "BentoML#FileInput unexpected HTTP request format"


class FileContract(InputAdapterContract):
    IS_TEXT: ClassVar = False
    GOOD: ClassVar = ["a", "guilty", "\r\n--x--\r\n", "名"]
    GUILTY: ClassVar = ("guilty", "guilty")

    def adapter(self) -> FileInput:
        return FileInput()

    def answer(self, files: Sequence[FileLike]) -> list[Any]:
        return [[type(file).__name__, file.read().decode("latin-1")] for file in files]

    def shown(self, arguments: Sequence[Any]) -> str:
        return str([file.bytes_ for file in arguments[0]])


class TestBodyContract(FileContract):
    CONTENT_TYPE: ClassVar = "application/octet-stream"
    MALFORMED: ClassVar = [""]
    REFUSAL: ClassVar = EMPTY


class TestFormContract(FileContract):
    CONTENT_TYPE: ClassVar = FORM
    MALFORMED: ClassVar = ["two files", "no files", "cut short"]
    REFUSAL: ClassVar = "BentoML#FileInput "

    def content(self, body: str) -> bytes:
        if body == "two files":
            return form_body(files=[("a", ("a", b"1")), ("b", ("b", b"2"))])
        if body == "no files":
            return form_body(files={"a": (None, b"plain value")})
        form = form_body(files={"any": ("a.bin", body.encode())}, data={"other": "value"})
        return form[:-9] if body == "cut short" else form

    def file_content(self, body: str) -> bytes:
        return body.encode()

    def test_command_line_with_a_malformed_value_prints_its_error_and_exits_with_1(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        # A value cannot be a form; what can be wrong with it is that it is empty.
        assert self.api().handle_cli(["--input", "a", "", "b"]) == 1
        printed = capsys.readouterr()
        assert printed.out == '["FileLike", "a"]\n["FileLike", "b"]\n'
        assert printed.err.startswith(EMPTY)


def echo(file: FileLike) -> Any:
    return [file.name, file.read().decode("latin-1")]


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        (HTTPRequest({"Content-Type": "image/png"}, b"\x89PNG"), ["", "\x89PNG"]),
        (HTTPRequest({"Content-Type": "application/json"}, b"{}"), ["", "{}"]),
        (HTTPRequest(body=b"1"), ["", "1"]),
        (form_request(files={"f": ("../a b.bin", b"\r\n")}), ["../a b.bin", "\r\n"]),
        (form_request(files={"f": ("empty.bin", b"")}), ["empty.bin", ""]),
    ],
    ids=["any content type", "json", "no content type", "form", "empty file"],
)
def test_file_has_the_name_and_the_bytes_that_were_sent(request_: HTTPRequest, answer: list[str]) -> None:
    response = api_of(FileInput(), echo).handle_request(request_)
    assert (response.status, json.loads(response.body)) == (200, answer)


@pytest.mark.parametrize("count", [0, 2])
def test_form_without_exactly_one_file_is_refused(count: int) -> None:
    files: list[Any] = [("f", ("a", b"1"))] * count or [("f", (None, b"1"))]
    response = api_of(FileInput(), echo).handle_request(form_request(files=files))
    assert response.status == 400
    assert response.body.decode().startswith("BentoML#FileInput requires one and at least one file at a time")
    assert response.body.decode().endswith(f"the form has {count}")


def test_body_is_not_copied() -> None:
    body = b"x" * 100
    task = FileInput().from_http_request(HTTPRequest(body=body))
    assert task.data is not None
    assert task.data.bytes_ is body


@pytest.mark.parametrize(
    ("event", "answer"),
    [
        ({"body": "gTCJOQ=="}, ["", "\x810\x899"]),
        ({"body": b"\x81"}, ["", "\x81"]),
        ({"body": "gTCJOQ==", "isBase64Encoded": True}, ["", "\x810\x899"]),
        ({"body": "gTCJOQ==", "isBase64Encoded": False}, ["", "gTCJOQ=="]),
        ({"body": form_body(files={"f": ("a", b"1")}).decode(), "headers": {"content-type": FORM}}, ["a", "1"]),
        (
            {
                "body": base64.b64encode(form_body(files={"f": ("a", b"\xff")})).decode(),
                "multiValueHeaders": {"Content-Type": [FORM]},
                "isBase64Encoded": True,
            },
            ["a", "\xff"],
        ),
    ],
    ids=["base64 that is not named", "bytes", "base64", "text", "form", "form in base64"],
)
def test_lambda_event_is_read_as_what_it_is(event: dict[str, Any], answer: list[str]) -> None:
    api = api_of(FileInput(), echo)
    response = api.handle_aws_lambda_event(event)
    assert (response["statusCode"], json.loads(response["body"])) == (200, answer)
    assert FileInput().from_aws_lambda_event(event).aws_lambda_event == event


@pytest.mark.parametrize(
    ("event", "text"),
    [({"body": "no base64!"}, "not valid base64"), ({}, EMPTY), ({"body": None}, EMPTY), ({"body": 3}, "must be text")],
    ids=["no base64", "no body", "null", "number"],
)
def test_lambda_event_without_a_file_is_refused(event: dict[str, Any], text: str) -> None:
    response = api_of(FileInput(), echo).handle_aws_lambda_event(event)
    assert response["statusCode"] == 400
    assert text in response["body"]


def test_command_line_file_has_its_name_without_directories(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.bin").write_bytes(b"\xff")
    words = ["--input-file", str(tmp_path / "a.bin"), str(tmp_path / "gone")]
    assert api_of(FileInput(), echo).handle_cli(words) == 1
    printed = capsys.readouterr()
    assert printed.out == '["a.bin", "\u00ff"]\n'
    assert "gone cannot be read: No such file" in printed.err
