"""TypedOutput keeps the contract, and writes what a function returns."""

from __future__ import annotations

import datetime as dt
import json
import logging
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest

from bentoml.adapters.json_input import JsonInput
from bentoml.adapters.typed.values import OneValue
from bentoml.adapters.typed_output import TypedOutput
from bentoml.types import FileLike, HTTPRequest, InferenceTask
from tests.adapters.contract import OutputAdapterContract, api_of
from tests.adapters.typed.hints import Color, Item, Order, Struct


class TestTypedOutputContract(OutputAdapterContract):
    def adapter(self) -> TypedOutput:
        return TypedOutput(OneValue(Item))

    def values(self, count: int) -> Any:
        return [Item(f"name {i}", i / 2) for i in range(count)]


@dataclass
class Mixed:
    value: Any


def written(value: Any, **headers: str) -> Any:
    task = InferenceTask[Any](http_headers=headers)  # type: ignore[arg-type]  # a dict
    (result,) = TypedOutput(OneValue(Any)).pack_user_func_return_value([value], [task])
    return result


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Item("名", 1.0), '{"name":"名","price":1.0,"tags":[]}'),
        (Mixed(Struct(3)), '{"value":{"count":3}}'),
        (Mixed([Color.RED, dt.date(2026, 1, 31)]), '{"value":["red","2026-01-31"]}'),
        (Order(items=[]), '{"items":[],"kind":"new","count":1}'),
        ({"a": np.float32(0.5), "b": np.arange(3)}, '{"a":0.5,"b":[0,1,2]}'),
        (Mixed(pd.DataFrame({"a": [1]})), '{"value":[{"a":1}]}'),
        ((b"\0\1", FileLike(bytes_=b"\2")), '["AAE=","Ag=="]'),
        ([float("nan"), 2**70, Decimal("1.5"), {1}], '[null,1180591620717411303424,"1.5",[1]]'),
        (None, "null"),
    ],
)
def test_value_is_written_as_a_request_would_have_it(value: Any, text: str) -> None:
    result = written(value)
    assert result.data.decode() == text
    assert (result.http_headers["content-type"], result.http_headers["vary"]) == ("application/json", "Accept")


def test_client_that_accepts_messagepack_gets_it() -> None:
    result = written({"a": b"\0", "b": Item("a", 1.0)}, Accept="application/msgpack, */*;q=0.1")
    assert msgspec.msgpack.decode(result.data) == {"a": b"\0", "b": {"name": "a", "price": 1.0, "tags": []}}
    assert result.http_headers["content-type"] == "application/vnd.msgpack"


@pytest.mark.parametrize(
    "value", [object(), complex(1, 2), {object(): 1}, "\ud800"], ids=["object", "complex", "key", "surrogate"]
)
def test_value_without_a_form_is_500_for_its_request_alone(value: Any, caplog: pytest.LogCaptureFixture) -> None:
    api = api_of(JsonInput(), lambda values: [value, 1], output_adapter=TypedOutput(OneValue(Any)), batch=True)
    with caplog.at_level(logging.CRITICAL, "bentoml"):
        bad, good = api.handle_batch_request([HTTPRequest(body=b"1")] * 2)
    assert (bad.status, good.status, good.body) == (500, 200, b"1")


def test_rows_of_a_joined_input_are_lists_in_the_schema() -> None:
    schema = TypedOutput(OneValue(Item), is_rows=True).response_schema["application/json"]["schema"]
    assert (schema["type"], schema["items"], list(schema["$defs"])) == ("array", {"$ref": "#/$defs/Item"}, ["Item"])


def test_command_line_can_ask_for_python_text(capsys: pytest.CaptureFixture[str]) -> None:
    api = api_of(JsonInput(), lambda value: value, output_adapter=TypedOutput(OneValue(Any)))
    assert api.handle_cli(["--input", '{"a": null}', "-o", "str"]) == 0
    assert api.handle_cli(["--input", '{"a": null}']) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert (first, json.loads(second)) == ("{'a': None}", {"a": None})
