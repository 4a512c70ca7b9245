"""JsonInput keeps the contract, and parses what JSON is."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from bentoml.adapters import JsonInput
from bentoml.types import HTTPRequest
from tests.adapters.contract import InputAdapterContract, api_of


class TestJsonInputContract(InputAdapterContract):
    GOOD: ClassVar = ['{"in": 0}', "[1, 2]", '"名"', "null", "1.5", " true\n", "{}"]
    MALFORMED: ClassVar = ["", "{bad", "[1] 2", "nul", "[" * 100_000, "{'a': 1}"]
    REFUSAL: ClassVar = "Not a valid JSON format"
    GUILTY: ClassVar = ('"名"', "名")

    def adapter(self) -> JsonInput:
        return JsonInput()

    def answer(self, argument: list[Any]) -> list[Any]:
        return [{"got": value} for value in argument]


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
    assert api.request_schema == {"application/json": {"schema": {"type": "object"}, "example": {"in": 1}}}


def test_schema_that_is_given_replaces_the_generated_one() -> None:
    schema = {"application/x-mine": {"schema": {"type": "string"}}}
    api = api_of(JsonInput(request_schema=schema, http_input_example=1), lambda value: value)
    assert api.request_schema == schema
