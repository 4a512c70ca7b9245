"""TfTensorInput keeps the contract, and makes the tensors that TensorFlow Serving would."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pytest

from bentoml.adapters import TfTensorInput
from bentoml.types import HTTPRequest
from tests.adapters.contract import InputAdapterContract, api_of
from tests.adapters.open_inference.messages import DTYPES, arrays_of, infer_request, json_tensor
from tests.environments.late_import import late_import

if TYPE_CHECKING:
    from collections.abc import Sequence

tf = late_import("tensorflow")
in_environment = pytest.mark.environment("tensorflow")


def rows_of(tensor: Any) -> list[str]:
    """Each row with its type and values."""
    assert isinstance(tensor, tf.Tensor)
    return [f"{tensor.dtype.name} {row}" for row in tensor.numpy().tolist()]


def request(instances: Any, **headers: str) -> HTTPRequest:
    return HTTPRequest(headers, json.dumps({"instances": instances}).encode())


def b64(content: bytes) -> dict[str, str]:
    return {"b64": base64.b64encode(content).decode()}


@in_environment
class TestContract(InputAdapterContract):
    GOOD: ClassVar = [
        '{"instances": [[5.1, 3.5]]}',
        '{"instances": [[1, 2], [3, 4]]}',
        '{"instances": [[true]]}',
        '{"instances": ["a", {"b64": "gTCJOQ=="}]}',
        '{"instances": [[[1.5], [2.5]]], "signature_name": "serving_default"}',
        '{"instances": [666.5]}',
    ]
    MALFORMED: ClassVar = [
        "{bad",
        "",
        "[[1]]",
        "{}",
        '{"inputs": [[1]]}',
        '{"instances": null}',
        '{"instances": [{"a": 1}]}',
        '{"instances": [[1], [1, 2]]}',
        '{"instances": [1, "a"]}',
        '{"instances": [null]}',
        '{"instances": [1e300]}',
        '{"instances": [9223372036854775808]}',
        '{"instances": [{"b64": "?"}]}',
        '{"instances": [{"b64": 1}]}',
    ]
    REFUSAL: ClassVar = ""
    GUILTY: ClassVar = ('{"instances": [666.5]}', "666.5")

    def adapter(self) -> TfTensorInput:
        return TfTensorInput()

    def answer(self, tensor: Any) -> list[str]:
        return rows_of(tensor)

    def shown(self, arguments: Sequence[Any]) -> str:
        return str(arguments[0].numpy().tolist())


@in_environment
@pytest.mark.parametrize("body", [b'{"inputs": [[1]]}', b"{}", b"[[1]]", b"3", b'{"instances": null}'])
def test_body_without_instances_gets_the_known_words(body: bytes) -> None:
    response = api_of(TfTensorInput(), rows_of, batch=True).handle_request(HTTPRequest(body=body))
    assert (response.status, response.body) == (400, b"input format is not implemented")


@in_environment
@pytest.mark.parametrize(
    "instances",
    [[1], [1.5], [1, 2.5], [[True]], ["é"], [2**40], [2**31 - 1, -(2**31)], [[[1.5, 2], [3, 4]]], [[]], [0.1]],
    ids=str,
)
@pytest.mark.parametrize("batch", [True, False], ids=["batch", "single"])
def test_tensor_is_the_one_that_tf_constant_makes(instances: Any, batch: bool) -> None:
    seen: list[Any] = []

    def function(tensor: Any) -> Any:
        seen.append(tensor)
        return tensor

    assert api_of(TfTensorInput(), function, batch=batch).handle_request(request(instances)).status == 200
    expected = tf.constant(instances)
    assert (seen[0].dtype, seen[0].shape) == (expected.dtype, expected.shape)
    assert seen[0].numpy().tolist() == expected.numpy().tolist()


@in_environment
def test_bytes_keep_their_zeros() -> None:
    contents = [b"\0", b"a\0\0", b"", b"\xff\0"]
    seen: list[Any] = []

    def function(tensor: Any) -> Any:
        seen.append(tensor)
        return tensor

    api = api_of(TfTensorInput(), function, batch=True)
    response = api.handle_request(request([b64(content) for content in contents]))
    assert seen[0].numpy().tolist() == contents
    assert json.loads(response.body) == ["\0", "a\0\0", "", b64(b"\xff\0")]


@in_environment
@pytest.mark.parametrize(
    ("header", "instances", "answer"),
    [
        (None, [[1, 2], [3, 4]], [[2, 4], [6, 8]]),
        ("true", [[1, 2]], [[2, 4]]),
        ("false", [1, 2], [2, 4]),
        ("false", 3, 6),
        ("false", [[1], [2]], [[2], [4]]),
    ],
)
@pytest.mark.parametrize("batch", [True, False], ids=["batch", "single"])
def test_header_says_whether_the_value_is_one_instance(
    header: str | None, instances: Any, answer: Any, batch: bool
) -> None:
    headers = {} if header is None else {"Bentoml-Is-Batch-Request": header}
    api = api_of(TfTensorInput(), lambda tensor: tensor * 2, batch=batch)
    mates = [request([[9, 9]]), request(instances, **headers), request([[8, 8]])]
    responses = api.handle_batch_request(mates)
    assert [json.loads(response.body) for response in responses] == [[[18, 18]], answer, [[16, 16]]]


@in_environment
def test_only_tensors_of_one_type_and_row_shape_share_a_call() -> None:
    shapes: list[Any] = []

    def function(tensor: Any) -> list[str]:
        shapes.append((tensor.dtype.name, tuple(tensor.shape)))
        return rows_of(tensor)

    bodies = [[[1.5]], [[1]], [[2.5], [3.5]], [[2**40]], [["a"]], [[2]]]
    responses = api_of(TfTensorInput(), function, batch=True).handle_batch_request([request(one) for one in bodies])
    assert {response.status for response in responses} == {200}
    assert shapes == [("float32", (3, 1)), ("int32", (2, 1)), ("int64", (1, 1)), ("string", (1, 1))]


def test_another_method_is_not_implemented() -> None:
    with pytest.raises(NotImplementedError, match="classify"):
        TfTensorInput(method="classify")


def test_config_names_the_method() -> None:
    assert TfTensorInput().config == {"method": "predict"}
    assert TfTensorInput().pip_dependencies == ["tensorflow"]


def given_tensor(tensor: Any, *, batch: bool = False, **headers: str) -> Any:
    """What a function gets of a request of the Open Inference Protocol, or the text of the refusal."""
    seen: list[Any] = []

    def function(argument: Any) -> Any:
        seen.append(argument)
        return argument

    response = api_of(TfTensorInput(), function, batch=batch).handle_request(
        infer_request({"inputs": [tensor]}, None, **headers)
    )
    return (seen[0], response) if response.status == 200 else response.body.decode()


@in_environment
@pytest.mark.parametrize("batch", [True, False], ids=["batch", "single"])
@pytest.mark.parametrize("datatype", ["FP16", "FP64", "INT8", "UINT16", "BOOL"])
def test_tensor_keeps_its_type(datatype: str, batch: bool) -> None:
    tensor = json_tensor("x", datatype, np.ones((2, 1), DTYPES[datatype]))
    argument, response = given_tensor(tensor, batch=batch, **{"Bentoml-Is-Batch-Request": "false"})
    assert (argument.dtype.as_numpy_dtype, argument.shape) == (np.dtype(DTYPES[datatype]), (2, 1))
    (answer,) = arrays_of(response.body, response.headers).values()
    assert (answer.dtype, answer.tolist()) == (np.dtype(DTYPES[datatype]), argument.numpy().tolist())


@in_environment
def test_tensor_of_text_has_its_bytes() -> None:
    argument, response = given_tensor(json_tensor("x", "BYTES", ["a", "ü"]), batch=True)
    assert argument.numpy().tolist() == [b"a", "ü".encode()]
    assert json.loads(response.body)["outputs"][0]["data"] == ["a", "ü"]


def test_tensors_are_described_as_constants_are_made() -> None:
    for example, expected in (
        (None, ("FP32", (-1, -1))),
        ({"instances": [[1, 2]]}, ("INT32", (-1, 2))),
        ({"instances": [True]}, ("BOOL", (-1,))),
        ({"instances": [["a"]]}, ("BYTES", (-1, 1))),
    ):
        (spec,) = TfTensorInput(http_input_example=example).tensor_specs
        assert (spec.datatype, spec.shape) == expected
