"""TfTensorOutput writes tensors as JSON, and DefaultOutput does the same for tensors."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import pytest

from bentoml.adapters import BaseOutputAdapter, DefaultOutput, TfTensorOutput
from bentoml.types import HTTPHeaders, InferenceTask
from tests.adapters.contract import OutputAdapterContract
from tests.environments.late_import import late_import

tf = late_import("tensorflow")
pytestmark = pytest.mark.environment("tensorflow")


class TestTensors(OutputAdapterContract):
    def adapter(self) -> BaseOutputAdapter:
        return TfTensorOutput()

    def values(self, count: int) -> Any:
        return tf.reshape(tf.range(count * 2.0), (count, 2))


class TestDefaultOutputOfTensors(TestTensors):
    def adapter(self) -> BaseOutputAdapter:
        return DefaultOutput()


def written(value: Any, *rows: int | None, accept: str = "") -> list[Any]:
    headers = [("Accept", accept)] if accept else []
    tasks: list[InferenceTask[Any]] = [InferenceTask(batch=one, http_headers=HTTPHeaders(headers)) for one in rows]
    return [result.data for result in DefaultOutput().pack_user_func_return_value(value, tasks)]


@pytest.mark.parametrize(
    ("make", "values"),
    [
        (lambda: tf.constant([1, 2]), [1, 2]),
        (lambda: tf.Variable([1.5, 2.5]), [1.5, 2.5]),
        (lambda: tf.constant([1.5, 2.5], tf.bfloat16), [1.5, 2.5]),
        (lambda: tf.constant([True, False]), [True, False]),
        (lambda: tf.constant(["é", b"\xff"]), ["é", {"b64": "/w=="}]),
        (lambda: tf.ragged.constant([[1], [2, 3]]), [[1], [2, 3]]),
    ],
    ids=["int", "variable", "bfloat16", "bool", "string", "ragged"],
)
def test_tensor_is_cut_by_task(make: Any, values: list[Any]) -> None:
    assert [json.loads(body) for body in written(make(), 1, 1)] == [[values[0]], [values[1]]]
    assert [json.loads(body) for body in written(make(), 1, None)] == [[values[0]], values[1]]


def test_list_and_object_may_hold_tensors() -> None:
    assert [json.loads(body) for body in written([tf.constant([1, 2]), tf.constant(3)], None, None)] == [[1, 2], 3]
    assert json.loads(written([{"probabilities": tf.constant([0.5])}], None)[0]) == {"probabilities": [0.5]}


def test_client_may_ask_for_npy() -> None:
    first, second = written(tf.constant([[1.5], [2.5]]), 1, 1, accept="application/x-npy")
    assert np.load(io.BytesIO(first)).tolist() == [[1.5]]
    assert np.load(io.BytesIO(second)).dtype == "float32"
