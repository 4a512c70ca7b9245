"""Tensors of PyTorch by type hints."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

import bentoml
from bentoml.adapters import PytorchTensorInput, PytorchTensorOutput
from bentoml.types import HTTPRequest
from tests.environments.late_import import late_import

if TYPE_CHECKING:
    from collections.abc import Callable

torch = late_import("torch")
pytestmark = pytest.mark.environment("torch")


def annotated(function: Callable[..., Any], **hints: Any) -> Callable[..., Any]:
    """A function whose annotations are known only once the library is there."""
    function.__annotations__ = hints
    return function


def service() -> Any:
    def batched(self: Any, tensor: Any) -> Any:
        return tensor * 2

    def among(self: Any, tensor: Any, factor: Any) -> Any:
        return {"tensor": tensor * factor}

    tensor = torch.Tensor
    members = {
        "batched": bentoml.api(batch=True)(annotated(batched, tensor=tensor, **{"return": tensor})),
        "among": bentoml.api()(annotated(among, tensor=tensor, factor=float, **{"return": dict[str, Any]})),
    }
    return type("Tensors", (bentoml.BentoService,), members)()


def test_tensor_alone_has_the_adapters_of_tensors() -> None:
    api = service().get_inference_api("batched")
    assert (type(api.input_adapter), type(api.output_adapter)) == (PytorchTensorInput, PytorchTensorOutput)
    assert json.loads(api.handle_request(HTTPRequest(body=b"[[1, 2]]")).body) == [[2, 4]]


def test_tensor_among_parameters_is_a_list() -> None:
    api = service().get_inference_api("among")
    response = api.handle_request(HTTPRequest(body=b'{"tensor": [[1, 2.5]], "factor": 2}'))
    assert (response.status, json.loads(response.body)) == (200, {"tensor": [[2.0, 5.0]]})
    refused = api.handle_request(HTTPRequest(body=b'{"tensor": "x", "factor": 2}'))
    assert (refused.status, refused.body[:10]) == (400, b"$.tensor: ")
