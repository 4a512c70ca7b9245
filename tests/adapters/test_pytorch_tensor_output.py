"""PytorchTensorOutput writes tensors as each client asks, and DefaultOutput does the same for tensors."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import pytest

from bentoml.adapters import BaseOutputAdapter, DefaultOutput, PytorchTensorOutput
from bentoml.types import HTTPHeaders, InferenceTask
from tests.adapters.contract import OutputAdapterContract
from tests.environments.late_import import late_import

torch = late_import("torch")
pytestmark = pytest.mark.environment("torch")


class TestTensors(OutputAdapterContract):
    def adapter(self) -> BaseOutputAdapter:
        return PytorchTensorOutput()

    def values(self, count: int) -> Any:
        return torch.arange(count * 2.0).reshape(count, 2)


class TestDefaultOutputOfTensors(TestTensors):
    def adapter(self) -> BaseOutputAdapter:
        return DefaultOutput()


class TestListsOfTensors(TestTensors):
    def values(self, count: int) -> Any:
        return list(torch.arange(count * 2.0).reshape(count, 2))


def written(value: Any, *rows: int | None, accept: str = "") -> list[Any]:
    headers = [("Accept", accept)] if accept else []
    tasks: list[InferenceTask[Any]] = [InferenceTask(batch=one, http_headers=HTTPHeaders(headers)) for one in rows]
    return [result.data for result in DefaultOutput().pack_user_func_return_value(value, tasks)]


@pytest.mark.parametrize(
    ("make", "values"),
    [
        (lambda: torch.tensor([1, 2]), [1, 2]),
        (lambda: torch.tensor([1.5, 2.5], requires_grad=True) * 2, [3.0, 5.0]),
        (lambda: torch.nn.Parameter(torch.tensor([1.5, 2.5])), [1.5, 2.5]),
        (lambda: torch.tensor([1.5, 2.5], dtype=torch.bfloat16), [1.5, 2.5]),
        (lambda: torch.tensor([True, False]), [True, False]),
        (lambda: torch.tensor([0.0, 2.0]).to_sparse(), [0.0, 2.0]),
        (lambda: torch.tensor([1 + 2j, 3j]).conj(), ["(1-2j)", "-3j"]),
    ],
    ids=["int", "graph", "parameter", "bfloat16", "bool", "sparse", "conjugate"],
)
def test_tensor_is_cut_by_task(make: Any, values: list[Any]) -> None:
    assert [json.loads(body) for body in written(make(), 1, 1)] == [[values[0]], [values[1]]]
    assert [json.loads(body) for body in written(make(), 1, None)] == [[values[0]], values[1]]


def test_list_and_object_may_hold_tensors() -> None:
    assert [json.loads(body) for body in written([torch.tensor([1, 2]), torch.tensor(3)], None, None)] == [[1, 2], 3]
    assert json.loads(written([{"scores": torch.tensor([0.5])}], None)[0]) == {"scores": [0.5]}


def test_client_may_ask_for_npy() -> None:
    first, second = written(torch.tensor([[1.5], [2.5]]), 1, 1, accept="application/x-npy")
    assert np.load(io.BytesIO(first)).tolist() == [[1.5]]
    assert np.load(io.BytesIO(second)).dtype == "float32"
