"""JsonInput keeps the contract, and parses what JSON is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

import msgpack
import pytest

from bentoml.adapters import JsonInput
from bentoml.adapters.wire.media_types import MSGPACK
from bentoml.types import HTTPRequest
from tests.adapters.contract import InputAdapterContract, api_of
from tests.adapters.forms import form_request

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class TestJsonInputContract(InputAdapterContract):
    GOOD: ClassVar = ['{"in": 0}', "[1, 2]", '"名"', "null", "1.5", " true\n", "{}"]
    MALFORMED: ClassVar = ["", "{bad", "[1] 2", "nul", "[" * 100_000, "{'a': 1}"]
    REFUSAL: ClassVar = "Not a valid JSON format"
    GUILTY: ClassVar = ('"名"', "名")

    def adapter(self) -> JsonInput:
        return JsonInput()

    def answer(self, argument: list[Any]) -> list[Any]:
        return [{"got": value} for value in argument]


class TestMsgpackContract(TestJsonInputContract):
    CONTENT_TYPE: ClassVar = MSGPACK
    IS_TEXT: ClassVar = False
    GOOD: ClassVar = ['{"in": 0}', "[1, 2]", '"名"', "null", "1.5", "true", "{}"]
    MALFORMED: ClassVar = ["", "cut short", "two values", "nested"]
    REFUSAL: ClassVar = "Not a valid MessagePack format"

    def content(self, body: str) -> bytes:
        if body in self.GOOD:
            packed: bytes = msgpack.packb(json.loads(body))
            return packed
        return {"": b"", "cut short": b"\x92\x01", "two values": b"\x01\x01", "nested": b"\x91" * 100_000}[body]

    def value_words(self, bodies: Sequence[str]) -> list[str]:
        words = [self.content(body).decode("utf-8", "surrogateescape") for body in bodies]
        return ["--input", *words, "--format", "msgpack"]

    def cli_format(self) -> list[str]:
        return ["--format", "msgpack"]


@pytest.mark.parametrize(
    ("name", "content_type"),
    [("a.msgpack", "application/octet-stream"), ("a.json", "application/x-msgpack"), ("a", MSGPACK)],
)
def test_file_of_a_form_may_be_messagepack(name: str, content_type: str) -> None:
    request = form_request(files={"file": (name, b"\x93\x01\xc4\x01\xff\xc0", content_type)})
    api = api_of(JsonInput(), repr)
    assert api.handle_request(request).body == json.dumps("[1, b'\\xff', None]").encode()


def test_command_line_tells_messagepack_by_the_extension(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.msgpack").write_bytes(b"\x91\x01")
    (tmp_path / "a.json").write_bytes(b"[2]")
    api = api_of(JsonInput(), lambda value: value)
    assert api.handle_cli(["--input-file", str(tmp_path / "a.msgpack"), str(tmp_path / "a.json")]) == 0
    assert capsys.readouterr().out == "[1]\n[2]\n"
    assert api.handle_cli(["--input-file", str(tmp_path / "a.msgpack"), "--format", "json"]) == 1


def test_request_when_single_gives_the_bare_value() -> None:
    api = api_of(JsonInput(), lambda value: value["in"] + 1)
    assert api.handle_request(HTTPRequest(body=b'{"in": 1}')).body == b"2"


@pytest.mark.parametrize("content_type", ["text/plain", "text/csv", "application/x-www-form-urlencoded"])
def test_request_with_another_content_type_is_parsed(content_type: str) -> None:
    api = api_of(JsonInput(), lambda values: values, batch=True)
    assert api.handle_request(HTTPRequest({"Content-Type": content_type}, b"[1]")).body == b"[1]"


def test_byte_order_mark_is_left_out() -> None:
    api = api_of(JsonInput(), lambda value: value)
    assert api.handle_request(HTTPRequest(body=b"\xef\xbb\xbf[1]")).body == b"[1]"


def test_schema_with_example_shows_it() -> None:
    api = api_of(JsonInput(http_input_example={"in": 1}), lambda value: value)
    assert api.request_schema["application/json"] == {"schema": {"type": "object"}, "example": {"in": 1}}
    assert set(api.request_schema) == {"application/json", MSGPACK}


def test_schema_that_is_given_replaces_the_generated_one() -> None:
    schema = {"application/x-mine": {"schema": {"type": "string"}}}
    api = api_of(JsonInput(request_schema=schema, http_input_example=1), lambda value: value)
    assert api.request_schema == schema
