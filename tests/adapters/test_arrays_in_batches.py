"""Whatever shares a batch with an array or a tensor, each request is answered as if it were alone."""

from __future__ import annotations

import json
from typing import Any

import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bentoml.adapters import BaseInputAdapter, NumpyNdarrayInput, PytorchTensorInput, TfTensorInput
from bentoml.adapters.array.npy import npy_bytes
from bentoml.adapters.array.tensors import as_array
from bentoml.adapters.wire.media_types import JSON, MSGPACK, NPY
from bentoml.service.inference_api import InferenceAPI
from bentoml.types import HTTPRequest, InferenceTask
from tests.adapters.mixed_batch import (
    MARKS,
    assert_batch_equals_single,
    bad_gzip,
    malformed,
    quiet,
    react,
    unhurried,
)

__all__ = ["quiet"]

in_torch, in_tensorflow = pytest.mark.environment("torch"), pytest.mark.environment("tensorflow")

marked_numbers = dict(zip((9001.0, 9002.0, 9003.0, 9004.0), MARKS, strict=True))
numbers = st.integers(-3, 3) | st.floats(-2, 2) | st.sampled_from([True, None, "a", 2**63, [1], *marked_numbers])

FORMATS = st.sampled_from([JSON, JSON, JSON, MSGPACK, NPY])


@st.composite
def array_requests(draw: st.DrawFn, media_types: st.SearchStrategy[str] = FORMATS) -> HTTPRequest:
    """A request with an array, or nearly one, in one of the formats."""
    width = draw(st.integers(1, 2))
    kind = draw(st.sampled_from([numbers, st.floats(-2, 2) | st.sampled_from([*marked_numbers])]))
    rows: Any = draw(st.lists(st.lists(kind, min_size=width, max_size=width), min_size=1, max_size=2))
    media_type = draw(media_types)
    if media_type == NPY:
        try:
            return HTTPRequest({"Content-Type": NPY}, npy_bytes(np.array(rows)))
        except (TypeError, ValueError):
            media_type = MSGPACK
    body = msgpack.packb(rows) if media_type == MSGPACK else json.dumps(rows).encode()
    return HTTPRequest({"Content-Type": media_type}, body)


def answer_array(argument: Any, tasks: list[InferenceTask[Any]]) -> Any:
    """One answer per row that is not discarded: its type and values."""
    returned: list[Any] = []
    array = as_array(argument)
    start = 0
    for task in tasks:
        end = start + (1 if task.batch is None else task.batch)
        rows = array[start:end]
        start = end
        react(next((mark for number, mark in marked_numbers.items() if (rows == number).any()), ""), task)
        if not task.is_discarded:
            returned.extend(f"{argument.dtype} {row}" for row in rows.tolist())
    return np.array(returned) if returned else returned


@st.composite
def instances_requests(draw: st.DrawFn) -> HTTPRequest:
    """A request in the row format of TensorFlow Serving, or nearly one."""
    body = json.loads(draw(array_requests(st.just(JSON))).body)
    header = draw(st.sampled_from([{}, {}, {"Bentoml-Is-Batch-Request": "false"}]))
    return HTTPRequest(header, json.dumps({draw(st.sampled_from(["instances"] * 4 + ["inputs"])): body}).encode())


def batches(requests: st.SearchStrategy[HTTPRequest]) -> st.SearchStrategy[list[HTTPRequest]]:
    """Some requests, and others that cannot be read."""
    unreadable = malformed.map(lambda body: HTTPRequest(body=body))
    return st.lists(requests | unreadable | bad_gzip, min_size=1, max_size=12)


@pytest.mark.parametrize(
    "adapter",
    [
        pytest.param(NumpyNdarrayInput(), id="array"),
        pytest.param(NumpyNdarrayInput(shape=(None, 2)), id="array of a shape"),
        pytest.param(NumpyNdarrayInput(dtype="float32"), id="array of a type"),
        pytest.param(PytorchTensorInput(), marks=in_torch, id="tensor of PyTorch"),
        pytest.param(PytorchTensorInput(dtype="bfloat16"), marks=in_torch, id="tensor of PyTorch of a type"),
    ],
)
@unhurried
@given(requests=batches(array_requests()))
def test_arrays_in_a_batch_are_answered_as_alone(adapter: BaseInputAdapter, requests: list[HTTPRequest]) -> None:
    assert_batch_equals_single(InferenceAPI(None, "p", "", adapter, answer_array, batch=True), requests)


@in_tensorflow
@unhurried
@given(requests=batches(instances_requests()))
def test_instances_in_a_batch_are_answered_as_alone(requests: list[HTTPRequest]) -> None:
    assert_batch_equals_single(InferenceAPI(None, "p", "", TfTensorInput(), answer_array, batch=True), requests)
