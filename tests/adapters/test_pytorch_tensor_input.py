"""PytorchTensorInput keeps the contract, in each of its formats."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

import msgpack
import numpy as np
import pytest

from bentoml.adapters import PytorchTensorInput
from bentoml.adapters.array.npy import npy_bytes
from bentoml.exceptions import ArtifactLoadingException, InvalidArgument
from bentoml.types import HTTPRequest
from tests.adapters.contract import InputAdapterContract, api_of
from tests.adapters.open_inference.messages import DTYPES, arrays_of, binary_tensor, infer_request, json_tensor
from tests.environments.late_import import late_import

if TYPE_CHECKING:
    from collections.abc import Sequence

torch = late_import("torch")
in_environment = pytest.mark.environment("torch")

JSON = "application/json"
NPY = "application/x-npy"
MSGPACK = "application/vnd.msgpack"


def rows_of(tensor: Any) -> list[str]:
    """Each row with its type and values."""
    assert isinstance(tensor, torch.Tensor)
    return [f"{tensor.dtype} {row}" for row in tensor.tolist()]


def given(adapter: PytorchTensorInput, body: bytes, content_type: str = JSON) -> Any:
    """The tensor that a function of single requests gets."""
    seen: list[Any] = []
    request = HTTPRequest({"Content-Type": content_type}, body)
    response = api_of(adapter, seen.append, batch=False).handle_request(request)
    assert response.status == 200, response.body
    return seen[0]


@in_environment
class TestJsonContract(InputAdapterContract):
    REFUSAL: ClassVar = "PytorchTensorInput: "
    GOOD: ClassVar = ["[[5.1, 3.5]]", "[[1, 2], [3, 4]]", "[[5, 6]]", "[[true, false]]", "[[666.5, 0.25]]"]
    MALFORMED: ClassVar = ["[[1, 2, 3]]", "3", "", "{bad", "[[1, null]]", '[["a", "b"]]', "[[1e300, 1.0]]"]
    GUILTY: ClassVar = ("[[666.5, 0.25]]", "666.5")

    def adapter(self) -> PytorchTensorInput:
        return PytorchTensorInput(shape=(None, 2))

    def answer(self, tensor: Any) -> list[str]:
        return rows_of(tensor)

    def shown(self, arguments: Sequence[Any]) -> str:
        return str(arguments[0].tolist())


@in_environment
class TestNpyContract(TestJsonContract):
    CONTENT_TYPE: ClassVar = NPY
    IS_TEXT: ClassVar = False
    GOOD: ClassVar = ["[[5, 3]]", "[[1, 2], [3, 4]]", "[[true, false]]", "[[666, 0]]"]
    MALFORMED: ClassVar = ["[[1, 2, 3]]", "3", "", '[["a", "b"]]']
    GUILTY: ClassVar = ("[[666, 0]]", "666")

    def content(self, body: str) -> bytes:
        return npy_bytes(np.array(json.loads(body))) if body else b""


@in_environment
@pytest.mark.parametrize(
    ("value", "dtype"),
    [([[1.5]], "float32"), ([[1, 2.5]], "float32"), ([[1]], "int64"), ([[True]], "bool"), (2, "int64")],
)
def test_lists_become_what_torch_makes_of_them(value: Any, dtype: str) -> None:
    for body, content_type in ((json.dumps(value).encode(), JSON), (msgpack.packb(value), MSGPACK)):
        tensor = given(PytorchTensorInput(), body, content_type)
        expected = torch.tensor(value)
        assert (tensor.dtype, str(tensor.dtype)) == (expected.dtype, f"torch.{dtype}")
        assert torch.equal(tensor, expected)


@in_environment
@pytest.mark.parametrize(
    "name", ["bool", "int8", "uint8", "int16", "uint16", "int64", "float16", "float32", "float64", "complex64"]
)
@pytest.mark.parametrize("order", ["C", "F"])
def test_npy_body_keeps_its_type_and_order_of_axes(name: str, order: Any) -> None:
    array = np.arange(6).reshape(2, 3).astype(name, order=order)
    tensor = given(PytorchTensorInput(), npy_bytes(array), NPY)
    assert str(tensor.dtype) == f"torch.{name}"
    assert tensor.tolist() == array.tolist()


@in_environment
def test_tensor_of_one_npy_request_lies_on_its_body() -> None:
    body = npy_bytes(np.arange(1000.0))
    address = np.frombuffer(body, np.uint8).ctypes.data
    assert given(PytorchTensorInput(), body, NPY).data_ptr() == address + len(body) - 8000


@in_environment
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16", "int8", "torch.bfloat16", "float"])
def test_declared_type_is_used(dtype: str) -> None:
    name = {"float": "float64"}.get(dtype, dtype.removeprefix("torch."))
    given_dtype = getattr(torch, name) if dtype.startswith("torch.") else dtype
    adapter = PytorchTensorInput(dtype=given_dtype)
    assert adapter.config["dtype"] == name
    for body, content_type in ((b"[[1, 2]]", JSON), (npy_bytes(np.array([[1, 2]])), NPY)):
        assert given(adapter, body, content_type).dtype == getattr(torch, name)


@in_environment
def test_declared_type_lets_all_formats_share_a_call() -> None:
    calls: list[Any] = []

    def function(tensor: Any) -> Any:
        calls.append(tensor.dtype)
        return tensor.sum(dim=1)

    bodies = [(b"[[1, 2]]", JSON), (npy_bytes(np.array([[2.5, 1]])), NPY), (msgpack.packb([[3, 4]]), MSGPACK)]
    responses = api_of(PytorchTensorInput(dtype="float32"), function, batch=True).handle_batch_request(
        [HTTPRequest({"Content-Type": content_type}, body) for body, content_type in bodies]
    )
    assert [response.body for response in responses] == [b"[3.0]", b"[3.5]", b"[7.0]"]
    assert calls == [torch.float32]


@pytest.mark.parametrize("dtype", ["nonsense", str, "datetime64[s]", object, "U3"], ids=str)
def test_type_that_tensors_do_not_have_is_refused(dtype: Any) -> None:
    with pytest.raises(InvalidArgument):
        PytorchTensorInput(dtype=dtype)


@in_environment
@pytest.mark.parametrize("is_binary", [True, False], ids=["bytes", "JSON"])
@pytest.mark.parametrize("datatype", ["FP32", "FP64", "INT64", "UINT8", "BOOL"])
def test_tensor_of_the_protocol_is_the_tensor_with_its_type(datatype: str, is_binary: bool) -> None:
    array = np.ones((2, 3), DTYPES[datatype])
    described, content = binary_tensor("x", datatype, array) if is_binary else (json_tensor("x", datatype, array), b"")
    request = infer_request({"inputs": [described], "parameters": {"binary_data_output": is_binary}}, content)
    seen: list[Any] = []

    def function(tensor: Any) -> Any:
        seen.append(tensor)
        # As a model in training gives it: with what led to it.
        return (tensor * torch.ones(1, requires_grad=True)) if tensor.is_floating_point() else tensor

    response = api_of(PytorchTensorInput(), function, batch=True).handle_request(request)
    assert torch.equal(seen[0], torch.from_numpy(array))
    (answer,) = arrays_of(response.body, response.headers).values()
    assert (answer.dtype, answer.tolist()) == (array.dtype, array.tolist())


@in_environment
def test_tensors_of_both_kinds_share_a_call_and_the_types_of_answers() -> None:
    def function(tensor: Any) -> Any:
        return (tensor * 0 + len(tensor)).bfloat16()

    api = api_of(PytorchTensorInput(dtype="bfloat16"), function, batch=True)
    model = infer_request({"inputs": [json_tensor("x", "FP32", [[1.0], [2.0]])]})
    plain = HTTPRequest({"Content-Type": JSON}, b"[[3.0]]")
    first, second, third = api.handle_batch_request([plain, model, plain])
    assert (json.loads(first.body), json.loads(third.body)) == ([[4.0]], [[4.0]])
    (output,) = json.loads(second.body)["outputs"]
    assert (output["datatype"], output["shape"], output["data"]) == ("FP32", [2, 1], [4.0, 4.0])


@in_environment
@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, ("FP32", (-1, -1))),
        ({"dtype": "float64"}, ("FP64", (-1, -1))),
        ({"dtype": "bfloat16", "shape": (None, 3)}, ("FP32", (-1, 3))),
        ({"http_input_example": [[1, 2]]}, ("INT64", (-1, 2))),
    ],
    ids=["nothing", "double", "bfloat16", "example"],
)
def test_tensor_is_described_as_it_is_read(settings: dict[str, Any], expected: Any) -> None:
    (spec,) = PytorchTensorInput(**settings).tensor_specs
    assert (spec.datatype, spec.shape) == expected


@in_environment
def test_tensor_is_on_the_device_of_the_models() -> None:
    adapter = PytorchTensorInput(dtype="bfloat16")
    adapter.prepare()
    assert given(adapter, b"[[1, 2]]").device == torch.device("cpu")
    adapter._device = torch.device("meta")
    tensor = given(adapter, b"[[1, 2]]")
    assert (tensor.device.type, tensor.dtype, tensor.shape) == ("meta", torch.bfloat16, (1, 2))


@in_environment
def test_prepare_for_a_device_that_is_not_there_says_which_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENTOML_DEVICE", "cuda:63")
    with pytest.raises(ArtifactLoadingException, match=r"there is no device 'cuda:63': PyTorch .* finds cpu"):
        PytorchTensorInput().prepare()
