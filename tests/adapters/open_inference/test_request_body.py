"""Requests of the protocol as tensors: what numpy has put in comes out, and nothing else gets through."""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bentoml.adapters.errors import InputError
from bentoml.adapters.open_inference.answer_form import AnswerForm
from bentoml.adapters.open_inference.request_body import read_request
from bentoml.adapters.open_inference.tensor import Tensor
from bentoml.types import HTTPRequest
from tests.adapters.open_inference.messages import DTYPES, FORM, binary_of, binary_tensor, infer_request, json_tensor

NUMBERS = [datatype for datatype in DTYPES if datatype != "BYTES"]


def read(request: HTTPRequest) -> tuple[list[Tensor], AnswerForm]:
    return read_request(request, FORM)


def one(given: Any) -> Tensor:
    ((tensor,), _) = read(infer_request({"inputs": [given]}))
    return tensor


@st.composite
def typed_arrays(draw: st.DrawFn) -> tuple[str, np.ndarray[Any, Any]]:
    datatype = draw(st.sampled_from(NUMBERS))
    shapes = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)
    return datatype, draw(hnp.arrays(DTYPES[datatype], shapes))


@given(typed_arrays())
def test_binary_tensor_is_the_array_of_numpy(given: tuple[str, np.ndarray[Any, Any]]) -> None:
    datatype, array = given
    described, content = binary_tensor("x", datatype, array)
    ((tensor,), _) = read(infer_request({"inputs": [described]}, content))
    assert (tensor.name, tensor.datatype, tensor.shape) == ("x", datatype, array.shape)
    assert tensor.array.dtype == array.dtype
    assert tensor.array.tobytes() == array.tobytes()


@given(typed_arrays(), st.booleans())
def test_json_tensor_is_the_array_of_numpy(given: tuple[str, np.ndarray[Any, Any]], nested: bool) -> None:
    datatype, array = given
    tensor = one(json_tensor("x", datatype, array, nested=nested and array.ndim > 0))
    assert tensor.array.dtype == array.dtype
    np.testing.assert_array_equal(tensor.array, array)


@given(hnp.arrays(object, hnp.array_shapes(max_dims=3, max_side=3), elements=st.binary(max_size=5)))
def test_binary_elements_are_cut_by_their_lengths(array: np.ndarray[Any, Any]) -> None:
    described, content = binary_tensor("x", "BYTES", array)
    ((tensor,), _) = read(infer_request({"inputs": [described]}, content))
    assert tensor.array.tolist() == array.tolist()


@given(hnp.arrays(object, hnp.array_shapes(max_dims=3, max_side=3), elements=st.text(max_size=5)))
def test_json_strings_are_elements(array: np.ndarray[Any, Any]) -> None:
    assert one(json_tensor("x", "BYTES", array)).texts().tolist() == array.tolist()


def test_bytes_of_a_tensor_are_not_copied() -> None:
    described, content = binary_tensor("x", "FP32", np.arange(6))
    request = infer_request({"inputs": [described]}, content)
    ((tensor,), _) = read(request)
    assert np.shares_memory(tensor.array, np.frombuffer(request.body, "u1"))
    assert not tensor.array.flags.writeable


def test_upper_halves_of_floats_are_read_as_floats() -> None:
    array = np.array([1.5, -2.0, np.inf], dtype="<f4")
    halves = (array.view("<u4") >> 16).astype("<u2").tobytes()
    given = {"name": "x", "datatype": "BF16", "shape": [3], "parameters": {"binary_data_size": 6}}
    ((tensor,), _) = read(infer_request({"inputs": [given]}, halves))
    assert tensor.array.tolist() == array.tolist()


def test_null_among_floats_is_no_number() -> None:
    given = {"name": "x", "datatype": "FP32", "shape": [2], "data": [None, 1]}
    np.testing.assert_array_equal(one(given).array, np.array([np.nan, 1]))


def test_several_tensors_share_the_bytes_in_their_order() -> None:
    first, content = binary_tensor("a", "INT16", [1, 2])
    second = json_tensor("b", "BOOL", [True])
    third, more = binary_tensor("c", "BYTES", np.array([b"x", b""], dtype=object))
    tensors, _ = read(infer_request({"inputs": [first, second, third]}, content + more))
    assert {tensor.name: tensor.array.tolist() for tensor in tensors} == {
        "a": [1, 2],
        "b": [True],
        "c": [b"x", b""],
    }


def test_wishes_for_the_answer_are_read() -> None:
    document = {
        "id": "7",
        "parameters": {"binary_data_output": True, "content_type": "pd", "priority": 3},
        "inputs": [{**json_tensor("x", "INT8", [1]), "parameters": {"content_type": "np"}}],
        "outputs": [{"name": "a"}, {"name": "b", "parameters": {"binary_data": False}}],
    }
    _, form = read(infer_request(document))
    assert form == AnswerForm("Service", "1", "7", {"a": None, "b": False}, is_binary=True)


X = {"name": "x", "datatype": "INT64", "shape": [2], "data": [1, 2]}
BINARY = {"name": "x", "datatype": "INT64", "shape": [1], "parameters": {"binary_data_size": 8}}
BAD_INPUTS = {
    "no object": 3,
    "no name": {"datatype": "INT64", "shape": [1], "data": [1]},
    "name that is no text": {**X, "name": 3},
    "unknown datatype": {**X, "datatype": "FLOAT"},
    "datatype that is a list": {**X, "datatype": ["INT64"]},
    "no shape": {"name": "x", "datatype": "INT64", "data": [1]},
    "shape that is no list": {**X, "shape": 2},
    "shape of floats": {**X, "shape": [2.0]},
    "shape of booleans": {**X, "shape": [True, True]},
    "negative axis": {**X, "shape": [-1]},
    "two negative axes": {**X, "shape": [-1, -2]},
    "huge axis": {**X, "shape": [2**62]},
    "axes that overflow to what is there": {**X, "shape": [2**63, 2, 2]},
    "many axes": {**X, "shape": [2] + [1] * 40},
    "huge axes beside none": {**X, "shape": [0, 2**40], "data": []},
    "too few": {**X, "shape": [3]},
    "too many": {**X, "shape": [1]},
    "no data": {"name": "x", "datatype": "INT64", "shape": [2]},
    "data of another structure": {**X, "shape": [2, 2], "data": [[1, 2], [3]]},
    "data nested too little": {**X, "shape": [2, 1], "data": [[1], 2]},
    "data nested too much": {**X, "data": [[1], [2]]},
    "data that are no list": {**X, "shape": [], "data": 1},
    "text among numbers": {**X, "data": [1, "2"]},
    "null among integers": {**X, "data": [1, None]},
    "float among integers": {**X, "data": [1, 2.0]},
    "boolean among integers": {**X, "data": [1, True]},
    "integer that is too large": {**X, "datatype": "INT8", "data": [1, 128]},
    "integer that is too small": {**X, "datatype": "UINT8", "data": [1, -1]},
    "integer of many digits": {**X, "data": [1, 10**400]},
    "float of many digits": {**X, "datatype": "FP64", "data": [1, 10**400]},
    "half that is too large": {**X, "datatype": "FP16", "data": [1, 70000]},
    "text among floats": {**X, "datatype": "FP32", "data": [1, "nan"]},
    "number among booleans": {**X, "datatype": "BOOL", "data": [True, 2]},
    "number among texts": {**X, "datatype": "BYTES", "data": ["a", 2]},
    "data and bytes": {**BINARY, "data": [1]},
    "parameters that are no object": {**X, "parameters": [1]},
    "bytes that are not there": {**BINARY, "shape": [2], "parameters": {"binary_data_size": 16}},
    "negative size": {**BINARY, "parameters": {"binary_data_size": -8}},
    "size that is a boolean": {**BINARY, "parameters": {"binary_data_size": True}},
    "size of a fraction": {**BINARY, "parameters": {"binary_data_size": 8.0}},
    "size that is too small": {**BINARY, "parameters": {"binary_data_size": 4}},
    "shared memory": {**X, "parameters": {"shared_memory_region": "r"}},
    "elements without room for lengths": {**BINARY, "datatype": "BYTES", "shape": [4]},
    "length over the end": {**BINARY, "datatype": "BYTES"},
}


@pytest.mark.parametrize("given", BAD_INPUTS.values(), ids=BAD_INPUTS)
def test_bad_input_is_refused(given: Any) -> None:
    with pytest.raises(InputError) as refused:
        read(infer_request({"inputs": [given]}, struct.pack("<q", 1 << 40)))
    assert refused.value.status_code == 400


@pytest.mark.parametrize(
    "content",
    [b"\x01\0\0\0a\x01", b"\x01\0\0\0a\x02\0\0\0b", b"\x01\0\0\0a\x01\0\0\0bc", b"\xff\xff\xff\xff\x01\0\0\0bc"],
    ids=["half a length", "half an element", "something behind", "huge length"],
)
def test_elements_that_do_not_add_up_are_refused(content: bytes) -> None:
    given = {"name": "x", "datatype": "BYTES", "shape": [2], "parameters": {"binary_data_size": len(content)}}
    with pytest.raises(InputError, match=r"^input 'x': "):
        read(infer_request({"inputs": [given]}, content))


def test_bytes_of_booleans_are_0_or_1() -> None:
    given = {"name": "x", "datatype": "BOOL", "shape": [2], "parameters": {"binary_data_size": 2}}
    with pytest.raises(InputError, match="0 or 1"):
        read(infer_request({"inputs": [given]}, b"\x01\x02"))


BAD_DOCUMENTS: dict[str, Any] = {
    "list": [X],
    "no inputs": {},
    "empty inputs": {"inputs": []},
    "inputs that are an object": {"inputs": X},
    "same name twice": {"inputs": [X, X]},
    "thousands of inputs": {"inputs": [{**X, "name": str(i)} for i in range(5000)]},
    "id that is a number": {"inputs": [X], "id": 7},
    "outputs that are an object": {"inputs": [X], "outputs": {"name": "a"}},
    "output without a name": {"inputs": [X], "outputs": [{}]},
    "same output twice": {"inputs": [X], "outputs": [{"name": "a"}, {"name": "a"}]},
    "thousands of outputs": {"inputs": [X], "outputs": [{"name": str(i)} for i in range(5000)]},
    "output as classes": {"inputs": [X], "outputs": [{"name": "a", "parameters": {"classification": 3}}]},
    "output in shared memory": {"inputs": [X], "outputs": [{"name": "a", "parameters": {"shared_memory_region": "r"}}]},
    "flag that is a text": {"inputs": [X], "outputs": [{"name": "a", "parameters": {"binary_data": "no"}}]},
    "flag that is a number": {"inputs": [X], "parameters": {"binary_data_output": 1}},
    "parameters that are a list": {"inputs": [X], "parameters": []},
}


@pytest.mark.parametrize("document", BAD_DOCUMENTS.values(), ids=BAD_DOCUMENTS)
def test_bad_document_is_refused(document: Any) -> None:
    with pytest.raises(InputError) as refused:
        read(infer_request(document))
    assert refused.value.status_code == 400


@pytest.mark.parametrize("length", ["", "-1", "+5", "1e1", "9" * 5000, "999", "٣", "0x10", " 5"])
def test_length_that_is_none_is_refused(length: str) -> None:
    request = HTTPRequest({"Inference-Header-Content-Length": length}, json.dumps({"inputs": [X]}).encode())
    with pytest.raises(InputError, match="Inference-Header-Content-Length"):
        read(request)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"inputs": [}', b"nonsense"], ids=lambda body: repr(body[:9])
)
def test_body_that_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(InputError):
        read(HTTPRequest({}, body))


def test_deep_data_are_refused() -> None:
    nested: Any = 1
    for _ in range(200):
        nested = [nested]
    with pytest.raises(InputError):
        one({**X, "shape": [1], "data": nested})


def test_bytes_behind_the_last_input_are_refused() -> None:
    with pytest.raises(InputError, match="3 bytes follow"):
        read(infer_request({"inputs": [BINARY]}, bytes(11)))


@given(st.binary(max_size=80), st.integers(-2, 90))
def test_any_bytes_are_read_or_refused(body: bytes, length: int) -> None:
    head = json.dumps(
        {"inputs": [{**BINARY, "datatype": "BYTES", "parameters": {"binary_data_size": length}}]}
    ).encode()
    request = HTTPRequest({"Inference-Header-Content-Length": str(len(head))}, head + body)
    try:
        ((tensor,), _) = read(request)
    except InputError:
        return
    assert binary_of("BYTES", tensor.array) == body
