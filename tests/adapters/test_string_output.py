"""StringOutput keeps the contract, and writes plain text."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest

from bentoml.adapters import JsonInput, StringOutput
from bentoml.types import HTTPRequest, InferenceTask
from tests.adapters.contract import OutputAdapterContract, api_of


class TestStringOutputContract(OutputAdapterContract):
    CONTENT_TYPE: ClassVar = "text/plain"

    def adapter(self) -> StringOutput:
        return StringOutput()

    def values(self, count: int) -> Any:
        return [f"text {i}" for i in range(count)]

    def test_rows_are_cut_by_task(self) -> None:
        assert self.bodies([2, 1, None]) == ["text 0\ntext 1", "text 2", "text 3"]


@pytest.mark.parametrize(
    ("values", "bodies"),
    [
        (["a", "名\n"], ["a", "名\n"]),
        ((1, None), ["1", "None"]),
        (np.array(["a", "b"]), ["a", "b"]),
        (np.array([1.5, 2]), ["1.5", "2.0"]),
        (pd.Series(["x", "y"]), ["x", "y"]),
    ],
    ids=["text", "tuple", "array of text", "array of numbers", "series"],
)
def test_values_are_written_as_their_str(values: Any, bodies: list[str]) -> None:
    tasks = [InferenceTask[Any]() for _ in bodies]
    assert [result.data for result in StringOutput().pack_user_func_return_value(values, tasks)] == bodies


def test_answer_is_text_of_the_given_kind(capsys: pytest.CaptureFixture[str]) -> None:
    api = api_of(JsonInput(), lambda value: f"<p>{value}</p>é", output_adapter=StringOutput("text/html"))
    response = api.handle_request(HTTPRequest(body=b"1"))
    assert (response.headers["content-type"], response.body) == ("text/html; charset=utf-8", "<p>1</p>é".encode())
    assert api.handle_cli(["--input", "1"]) == 0
    assert capsys.readouterr().out == "<p>1</p>é\n"
    assert api.handle_aws_lambda_event({"body": "1"})["body"] == "<p>1</p>é"
