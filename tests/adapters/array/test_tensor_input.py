"""Tensors of the Open Inference Protocol as arguments of functions that take arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bentoml.adapters import NumpyNdarrayInput
from tests.adapters.contract import api_of
from tests.adapters.open_inference.messages import binary_tensor, infer_request, json_tensor


def given(adapter: NumpyNdarrayInput, *tensors: Any, batch: bool = False) -> Any:
    """The array that a function gets, or the text of the refusal."""
    seen: list[Any] = []

    def function(array: Any) -> Any:
        seen.append(array)
        return array

    response = api_of(adapter, function, batch=batch).handle_request(infer_request({"inputs": list(tensors)}))
    return seen[0] if response.status == 200 else response.body.decode()


@pytest.mark.parametrize("datatype", ["BOOL", "UINT16", "INT8", "FP16", "FP32", "FP64"])
def test_tensor_is_the_array_with_its_type_and_shape(datatype: str) -> None:
    array = given(
        NumpyNdarrayInput(),
        json_tensor("any", datatype, np.ones((2, 3, 1)).astype("?" if datatype == "BOOL" else "i8")),
    )
    assert array.shape == (2, 3, 1)
    assert array.dtype.name in {"bool", "uint16", "int8", "float16", "float32", "float64"}
    assert array.all()


def test_bytes_of_a_tensor_are_the_array() -> None:
    described, content = binary_tensor("x", "FP32", [[1, 2]])
    request = infer_request({"inputs": [described]}, content)
    seen: list[Any] = []

    def function(array: Any) -> Any:
        seen.append(array)
        return array

    api_of(NumpyNdarrayInput(), function, batch=True).handle_request(request)
    assert np.shares_memory(seen[0], np.frombuffer(request.body, "u1"))
    assert not seen[0].flags.writeable


def test_declared_type_and_shape_hold_for_tensors() -> None:
    adapter = NumpyNdarrayInput(dtype="float32", shape=(None, 2))
    assert given(adapter, json_tensor("x", "INT16", [[1, 2]])).dtype == np.float32
    assert "FP64" not in str(given(adapter, json_tensor("x", "FP64", [[1, 2]])))
    assert "the array has the shape (1, 3)" in given(adapter, json_tensor("x", "FP32", [[1, 2, 3]]))
    assert "do not fit the declared type" in given(NumpyNdarrayInput(dtype="int8"), json_tensor("x", "FP32", [[1.5]]))


def test_text_needs_a_declared_type() -> None:
    tensor = json_tensor("x", "BYTES", [["a", "bc"]])
    assert given(NumpyNdarrayInput(dtype="U2"), tensor).tolist() == [["a", "bc"]]
    assert "the values are text" in given(NumpyNdarrayInput(), tensor)


def test_two_tensors_are_refused() -> None:
    two = [json_tensor("x", "FP32", [1]), json_tensor("y", "FP32", [1])]
    assert "one tensor is expected, there are 2" in given(NumpyNdarrayInput(), *two)


@pytest.mark.parametrize("tensor", [json_tensor("x", "FP32", 1), json_tensor("x", "FP32", [])], ids=["value", "empty"])
def test_batch_needs_rows(tensor: Any) -> None:
    assert "row" in given(NumpyNdarrayInput(), tensor, batch=True)


ARRAYS: dict[str, tuple[NumpyNdarrayInput, tuple[str, tuple[int, ...]]]] = {
    "nothing known": (NumpyNdarrayInput(), ("FP64", (-1, -1))),
    "type": (NumpyNdarrayInput(dtype="float32"), ("FP32", (-1, -1))),
    "big-endian": (NumpyNdarrayInput(dtype=">i2"), ("INT16", (-1, -1))),
    "text": (NumpyNdarrayInput(dtype="U5"), ("BYTES", (-1, -1))),
    "shape": (NumpyNdarrayInput(shape=(None, 28, 28)), ("FP64", (-1, 28, 28))),
    "example": (NumpyNdarrayInput(http_input_example=[[1, 2, 3]]), ("INT64", (-1, 3))),
    "example of both": (NumpyNdarrayInput(http_input_example=[[1, 2.5]]), ("FP64", (-1, 2))),
    "example and type": (NumpyNdarrayInput(dtype="uint8", http_input_example=[[[1]]]), ("UINT8", (-1, 1, 1))),
    "example that is none": (NumpyNdarrayInput(http_input_example=[[1], 2]), ("FP64", (-1, -1))),
}


@pytest.mark.parametrize(("adapter", "expected"), ARRAYS.values(), ids=ARRAYS)
def test_tensor_is_described_as_far_as_it_is_known(adapter: NumpyNdarrayInput, expected: Any) -> None:
    (spec,) = adapter.tensor_specs
    assert (spec.name, (spec.datatype, spec.shape)) == ("input-0", expected)
