"""Requests of the Open Inference Protocol beside all others: each gets its own answer, in its own form."""

from __future__ import annotations

import gzip
import json
import logging
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bentoml.adapters import (
    BaseOutputAdapter,
    DataframeInput,
    JsonInput,
    JsonOutput,
    NumpyNdarrayInput,
    NumpyNdarrayOutput,
)
from bentoml.exceptions import InvalidArgument
from bentoml.service.inference_api import InferenceAPI
from bentoml.types import HTTPRequest, InferenceResult, InferenceTask
from tests.adapters.mixed_batch import assert_batch_equals_single
from tests.adapters.open_inference.messages import (
    arrays_of,
    binary_tensor,
    infer_request,
    json_tensor,
)
from tests.thoroughness import examples

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

DISCARDED, RAISING, REFUSED, ANSWERED = -1.0, -2.0, -3.0, -4.0


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """The errors of the requests are meant to happen."""
    logger = logging.getLogger("bentoml")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    yield
    logger.setLevel(level)


def api_of(function: Callable[..., Any], adapter: Any = None, **settings: Any) -> InferenceAPI:
    return InferenceAPI(None, "predict", "", adapter or DataframeInput(), function, **{"batch": True, **settings})


def table_json(*rows: Any) -> HTTPRequest:
    return HTTPRequest({"Content-Type": "application/json"}, json.dumps(rows).encode(), path="/predict")


def table_tensor(*rows: Any, datatype: str = "FP64", **document: Any) -> HTTPRequest:
    return infer_request({"inputs": [json_tensor("x", datatype, np.array(rows))], **document})


def kept_rows(frame: pd.DataFrame, tasks: Sequence[InferenceTask[Any]]) -> pd.DataFrame:
    """The rows of the tasks that are not discarded here."""
    kept = []
    start = 0
    for task in tasks:
        rows = frame.iloc[start : start + (task.batch or 0)]
        start += task.batch or 0
        values = rows.to_numpy(dtype=object).ravel().tolist()
        if DISCARDED in values:
            task.discard(http_status=422, err_msg="not this one", http_headers={"X-Why": "asked for"})
        elif RAISING in values:
            raise ValueError("raised")
        elif REFUSED in values:
            raise InvalidArgument("refused")
        else:
            kept.append(rows)
    return pd.concat(kept, ignore_index=True) if kept else frame.iloc[:0]


def as_frame(frame: pd.DataFrame, tasks: list[InferenceTask[Any]]) -> Any:
    return kept_rows(frame, tasks)


def as_series(frame: pd.DataFrame, tasks: list[InferenceTask[Any]]) -> Any:
    return kept_rows(frame, tasks).sum(axis=1)


def as_array(frame: pd.DataFrame, tasks: list[InferenceTask[Any]]) -> Any:
    return kept_rows(frame, tasks).to_numpy() * 2


def as_list(frame: pd.DataFrame, tasks: list[InferenceTask[Any]]) -> Any:
    return [{"types": [str(one) for one in frame.dtypes], "row": list(row)} for row in kept_rows(frame, tasks).values]


def as_results(frame: pd.DataFrame, tasks: list[InferenceTask[Any]]) -> Any:
    """One result of its own per task, where a row says so."""
    rows = kept_rows(frame, tasks)
    pending = [task for task in tasks if not task.is_discarded]
    if not (rows == ANSWERED).any(axis=None):
        return rows.to_numpy()
    returned: list[Any] = []
    start = 0
    for task in pending:
        piece = rows.iloc[start : start + (task.batch or 0)]
        start += task.batch or 0
        returned.append(InferenceResult(data=str(piece.to_numpy().tolist()), http_status=203))
    return returned


numbers = st.sampled_from([0.0, 0.5, 1.5, 2.0, DISCARDED, RAISING, REFUSED])
tables = st.integers(1, 3).flatmap(
    lambda width: st.lists(st.lists(numbers, min_size=width, max_size=width), min_size=1, max_size=3)
)


@st.composite
def tensor_requests(draw: st.DrawFn) -> HTTPRequest:
    rows = np.array(draw(tables))
    datatype = draw(st.sampled_from(["FP64", "FP32", "INT64"]))
    document: dict[str, Any] = {}
    if draw(st.booleans()):
        document["id"] = draw(st.text(max_size=3))
    if draw(st.booleans()):
        document["parameters"] = {"binary_data_output": draw(st.booleans())}
    if draw(st.booleans()):
        document["outputs"] = [{"name": draw(st.sampled_from(["0", "1", "output-0"]))}]
    given_array = rows.astype({"FP64": "f8", "FP32": "f4", "INT64": "i8"}[datatype])
    if draw(st.booleans()):
        described, content = binary_tensor("x", datatype, given_array)
        return infer_request({"inputs": [described], **document}, content)
    return infer_request({"inputs": [json_tensor("x", datatype, given_array, nested=draw(st.booleans()))], **document})


malformed = st.sampled_from(
    [
        infer_request({"inputs": []}),
        infer_request({"inputs": [{"name": "x", "datatype": "FP64", "shape": [3], "data": [1]}]}),
        HTTPRequest({"Content-Encoding": "gzip"}, b"no gzip", path="/v2/models/Service/infer"),
        HTTPRequest({}, b"nonsense", path="/v2/models/Service/infer"),
        HTTPRequest({}, b"nonsense", path="/predict"),
        HTTPRequest({}, b"[[1], [1, 2]]", path="/predict"),
    ]
)
mixed = st.lists(
    st.one_of(tables.map(lambda rows: table_json(*rows)), tensor_requests(), malformed), min_size=1, max_size=10
)
unhurried = settings(deadline=None, max_examples=examples(60), suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize("function", [as_frame, as_series, as_array, as_list, as_results])
@pytest.mark.parametrize(
    "adapter",
    [DataframeInput(), DataframeInput(columns=["0"]), DataframeInput(dtype=["float64"])],
    ids=["free", "columns", "types"],
)
@unhurried
@given(requests=mixed)
def test_tensors_among_tables_are_answered_as_alone(
    adapter: DataframeInput, function: Callable[..., Any], requests: list[HTTPRequest]
) -> None:
    assert_batch_equals_single(api_of(function, adapter), requests)


def as_doubled(array: Any, tasks: list[InferenceTask[Any]]) -> Any:
    """The rows of the tasks that are not discarded here, twice."""
    kept = []
    start = 0
    for task in tasks:
        rows = array[start : start + (task.batch or 0)]
        start += task.batch or 0
        if DISCARDED in rows:
            task.discard(http_status=422, err_msg="not this one")
        elif RAISING in rows:
            raise ValueError("raised")
        else:
            kept.append(rows * 2)
    return np.concatenate(kept) if kept else array[:0]


@pytest.mark.parametrize("output", [None, NumpyNdarrayOutput()], ids=["default", "array"])
@pytest.mark.parametrize(
    "adapter", [NumpyNdarrayInput(), NumpyNdarrayInput(dtype="float64", shape=(None, 2))], ids=["free", "declared"]
)
@unhurried
@given(requests=mixed)
def test_tensors_among_arrays_are_answered_as_alone(adapter: Any, output: Any, requests: list[HTTPRequest]) -> None:
    assert_batch_equals_single(api_of(as_doubled, adapter, output_adapter=output), requests)


@unhurried
@given(requests=mixed)
def test_tensors_of_a_function_for_one_request_are_answered_as_alone(requests: list[HTTPRequest]) -> None:
    assert_batch_equals_single(api_of(lambda frame: frame * 2, batch=False), requests)


def test_tensors_and_tables_share_one_call() -> None:
    calls = []

    def total(frame: pd.DataFrame) -> Any:
        calls.append(frame)
        return frame.sum(axis=1).to_numpy()

    requests = [table_json([1.5, 2.5]), table_tensor([3.5, 4.5], [5.5, 6.5]), table_json([0.5, 0.5])]
    responses = api_of(total).handle_batch_request(requests)
    assert [len(frame) for frame in calls] == [4]
    assert [responses[0].body, responses[2].body] == [b"[4.0]", b"[1.0]"]
    assert json.loads(responses[1].body)["outputs"][0]["data"] == [8.0, 12.0]


def test_output_adapter_is_not_asked_for_tensors() -> None:
    seen: list[int] = []

    class Counting(JsonOutput):
        def pack_user_func_return_value(self, return_result: Any, tasks: Any) -> Any:
            seen.append(len(tasks))
            return super().pack_user_func_return_value(return_result, tasks)

    api = api_of(lambda frame: frame[0].to_numpy(), output_adapter=Counting())
    api.handle_batch_request([table_tensor([1.5]), table_json([2.5]), table_tensor([3.5]), table_json([4.5])])
    assert seen == [2]
    api.handle_batch_request([table_tensor([1.5])])
    assert seen == [2]


class Lines(BaseOutputAdapter):
    """Takes its own kind of value only."""

    def pack_user_func_return_value(self, return_result: Any, tasks: Sequence[InferenceTask[Any]]) -> Any:
        return [InferenceResult(data=f"line {return_result[i]}") for i in range(len(tasks))]


def test_value_that_only_its_adapter_knows_is_answered_in_both_forms() -> None:
    api = api_of(lambda frame: memoryview(bytes(frame["a"].astype("u1"))), output_adapter=Lines())
    column = infer_request({"inputs": [json_tensor("a", "INT64", [2])]})
    responses = api.handle_batch_request([HTTPRequest({}, b'[{"a": 1}]'), column, HTTPRequest({}, b'[{"a": 3}]')])
    assert [response.body for response in (responses[0], responses[2])] == [b"line 1", b"line 3"]
    (array,) = arrays_of(responses[1].body, responses[1].headers).values()
    assert array.tolist() == ["\x02"]


def test_compressed_request_is_read() -> None:
    plain = table_tensor([1.5, 2.5], id="1")
    request = HTTPRequest({"Content-Encoding": "gzip"}, gzip.compress(plain.body), path=plain.path)
    api = api_of(lambda frame: frame.sum(axis=1).to_numpy())
    assert api.handle_request(request).body == api.handle_request(plain).body


@pytest.mark.parametrize(
    ("function", "status", "text"),
    [
        (lambda frame: 1 / 0, 500, "Exception happened in API function: division by zero"),
        (lambda frame: [1, 2, 3], 500, "The return values of Api Function doesn't match tasks"),
        (lambda frame: [1j], 500, "the return value cannot be written as tensors: complex numbers"),
        (lambda frame: [InferenceResult(data="gone", http_status=410)], 410, "gone"),
    ],
    ids=["raises", "length", "complex", "own result"],
)
def test_failure_is_an_object(function: Callable[..., Any], status: int, text: str) -> None:
    response = api_of(function).handle_request(table_tensor([1.5]))
    assert (response.status, response.headers.content_type) == (status, "application/json")
    assert json.loads(response.body)["error"].startswith(text)


def test_result_of_the_function_itself_is_one_text() -> None:
    api = api_of(lambda frame: [InferenceResult(data='{"a": 1}', http_headers={"X-Own": "1"})])  # type: ignore[arg-type]
    response = api.handle_request(table_tensor([1.5]))
    assert response.headers["x-own"] == "1"
    assert json.loads(response.body)["outputs"][0]["data"] == ['{"a": 1}']


def test_adapter_without_tensors_refuses_them() -> None:
    response = api_of(lambda values: values, JsonInput()).handle_request(table_tensor([1.5]))
    assert (response.status, json.loads(response.body)) == (400, {"error": "JsonInput takes no tensors"})


def test_own_route_that_looks_like_a_model_is_still_its_own() -> None:
    api = api_of(lambda frame: frame[0].tolist(), route="v2/models/Service/infer")
    response = api.handle_request(HTTPRequest({}, b"[[1.5]]", path="/v2/models/Service/infer"))
    assert response.body == b"[1.5]"


@pytest.mark.parametrize(
    ("shape", "data", "text"),
    [([1, 20_001], [""] * 20_001, "more than 20000 columns"), ([1], ["\ud800"], "a value does not fit its column")],
    ids=["too many columns of text", "half of a surrogate pair"],
)
def test_tensor_of_text_that_makes_no_frame_is_refused(shape: list[int], data: list[str], text: str) -> None:
    tensor = {"name": "\ud800", "datatype": "BYTES", "shape": shape, "data": data}
    response = api_of(len, batch=False).handle_request(infer_request({"inputs": [tensor]}))
    assert (response.status, text in json.loads(response.body)["error"]) == (400, True), response.body
