"""Return values as answers of the protocol: what a client reads is what the function has returned."""

from __future__ import annotations

import base64
import json
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bentoml.adapters.errors import InputError
from bentoml.adapters.open_inference.answer import TensorAnswer, error_response
from bentoml.adapters.open_inference.answer_form import AnswerForm
from bentoml.types import InferenceError, InferenceResult
from tests.adapters.open_inference.messages import DTYPES, arrays_of


def answered(value: Any, form: AnswerForm | None = None, **result: Any) -> Any:
    answer = TensorAnswer(value, form or AnswerForm("Service", "1"))
    return answer.response(InferenceResult(data=answer, **result))


def outputs(value: Any) -> list[tuple[str, str, list[int], list[Any]]]:
    """Name, datatype, shape and data of each tensor, as JSON has them."""
    document = json.loads(answered(value).body)
    return [(one["name"], one["datatype"], one["shape"], one["data"]) for one in document["outputs"]]


@given(
    st.sampled_from([name for name in DTYPES if name != "BYTES"]).flatmap(
        lambda name: hnp.arrays(DTYPES[name], hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=4))
    ),
    st.booleans(),
)
def test_array_comes_back_as_it_was(array: np.ndarray[Any, Any], is_binary: bool) -> None:
    response = answered(array, AnswerForm("Service", "1", is_binary=is_binary))
    (read,) = arrays_of(response.body, response.headers).values()
    assert (read.dtype, read.shape) == (array.dtype, array.shape)
    if is_binary:
        assert read.tobytes() == array.tobytes()
    elif array.dtype.kind == "f":
        # JSON has one word for all that is no number.
        np.testing.assert_array_equal(read, np.where(np.isfinite(array), array, np.nan))
    else:
        np.testing.assert_array_equal(read, array)


@given(hnp.arrays(object, hnp.array_shapes(max_dims=2, max_side=3), elements=st.binary(max_size=4)), st.booleans())
def test_bytes_come_back_as_they_were(array: np.ndarray[Any, Any], is_binary: bool) -> None:
    response = answered(array, AnswerForm("Service", "1", is_binary=is_binary))
    (read,) = arrays_of(response.body, response.headers).values()
    if not is_binary:
        output = json.loads(response.body)["outputs"][0]
        is_base64 = output.get("parameters") == {"content_type": "base64"}
        decode = base64.b64decode if is_base64 else str.encode
        flat = [decode(one) for one in read.ravel().tolist()]
        assert flat == array.ravel().tolist()
    else:
        assert read.tolist() == array.tolist()


VALUES: dict[str, tuple[Any, list[tuple[str, str, list[int], list[Any]]]]] = {
    "integers": ([1, 2], [("output-0", "INT64", [2], [1, 2])]),
    "floats": ([1.5, 2], [("output-0", "FP64", [2], [1.5, 2.0])]),
    "booleans": ([True, False], [("output-0", "BOOL", [2], [True, False])]),
    "texts": (["a", "ü"], [("output-0", "BYTES", [2], ["a", "ü"])]),
    "rows": ([[1, 2], [3, 4]], [("output-0", "INT64", [2, 2], [1, 2, 3, 4])]),
    "rows of arrays": ([np.ones(2), np.zeros(2)], [("output-0", "FP64", [2, 2], [1.0, 1.0, 0.0, 0.0])]),
    "rows of different lengths": ([[1], [2, 3]], [("output-0", "BYTES", [2], ["[1]", "[2, 3]"])]),
    "numbers and texts": ([1, "a"], [("output-0", "BYTES", [2], ["1", "a"])]),
    "objects": (
        np.array([pd.NA, np.ones(2), "a"], dtype=object),
        [("output-0", "BYTES", [3], ["", "[1.0, 1.0]", "a"])],
    ),
    "numbers and none": ([1, None], [("output-0", "FP64", [2], [1.0, None])]),
    "large integers": ([2**70, 1], [("output-0", "BYTES", [2], [str(2**70), "1"])]),
    "scalar": (3, [("output-0", "INT64", [1], [3])]),
    "numpy scalar": (np.float32(0.5), [("output-0", "FP32", [1], [0.5])]),
    "array without axes": (np.array(2), [("output-0", "INT64", [1], [2])]),
    "text": ("abc", [("output-0", "BYTES", [1], ["abc"])]),
    "none": (None, [("output-0", "BYTES", [1], [""])]),
    "empty": ([], [("output-0", "FP64", [0], [])]),
    "long doubles": (np.array([0.5], "longdouble"), [("output-0", "FP64", [1], [0.5])]),
    "big-endian": (np.array([1, 2], ">i4"), [("output-0", "INT32", [2], [1, 2])]),
    "texts of numpy": (np.array(["a", "bc"]), [("output-0", "BYTES", [2], ["a", "bc"])]),
    "dates": (np.array(["2026-01-02", "NaT"], "M8[D]"), [("output-0", "BYTES", [2], ["2026-01-02", ""])]),
    "date": (datetime(2026, 1, 2), [("output-0", "BYTES", [1], ["2026-01-02T00:00:00"])]),  # noqa: DTZ001
    "dict": ({"a": [1], "b": 0.5}, [("a", "INT64", [1], [1]), ("b", "FP64", [1], [0.5])]),
    "dicts": (
        [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}],
        [("a", "INT64", [2], [1, 2]), ("b", "BYTES", [2], ["x", "y"])],
    ),
    "dicts of other keys": ([{"a": 1}, {"b": 2}], [("output-0", "BYTES", [2], ['{"a": 1}', '{"b": 2}'])]),
    "series": (pd.Series([1.5], name="score"), [("score", "FP64", [1], [1.5])]),
    "series without a name": (pd.Series([1, 2], dtype="int8"), [("output-0", "INT8", [2], [1, 2])]),
    "frame": (
        pd.DataFrame({"n": [1, 2], "t": ["a", None], 3: [0.5, np.nan]}),
        [("n", "INT64", [2], [1, 2]), ("t", "BYTES", [2], ["a", ""]), ("3", "FP64", [2], [0.5, None])],
    ),
    "frame with masks": (
        pd.DataFrame({"i": pd.array([1, None], "Int32"), "b": pd.array([True, False], "boolean")}),
        [("i", "FP64", [2], [1.0, None]), ("b", "BOOL", [2], [True, False])],
    ),
    "frame with masks and nothing missing": (
        pd.DataFrame({"i": pd.array([1, 2], "Int32")}),
        [("i", "INT32", [2], [1, 2])],
    ),
    "frame of categories": (
        pd.DataFrame({"c": pd.Categorical(["x", "y"]), "k": pd.Categorical([1, 2])}),
        [("c", "BYTES", [2], ["x", "y"]), ("k", "INT64", [2], [1, 2])],
    ),
    "frame of dates": (
        pd.DataFrame({"d": np.array(["2026-01-02T03:04:05", "NaT"], "M8[s]")}),
        [("d", "BYTES", [2], ["2026-01-02T03:04:05", ""])],
    ),
}


@pytest.mark.parametrize(("value", "expected"), VALUES.values(), ids=VALUES)
def test_value_becomes_tensors(value: Any, expected: Any) -> None:
    assert outputs(value) == expected


@pytest.mark.parametrize(
    "value", [np.array([1j]), pd.DataFrame([[1, 2]], columns=["a", "a"])], ids=["complex", "names"]
)
def test_value_that_is_no_tensor_is_an_error(value: Any) -> None:
    with pytest.raises(ValueError):
        TensorAnswer(value, AnswerForm("Service", "1"))


def test_answer_names_its_model_and_the_request() -> None:
    response = answered([1], AnswerForm("Service.predict", "20260102_AB", "seven"))
    assert json.loads(response.body) == {
        "model_name": "Service.predict",
        "model_version": "20260102_AB",
        "outputs": [{"name": "output-0", "datatype": "INT64", "shape": [1], "data": [1]}],
        "id": "seven",
    }
    assert response.headers.to_json() == (("Content-Type", "application/json"),)


def test_outputs_are_chosen_and_come_in_the_wanted_order_and_form() -> None:
    frame = pd.DataFrame({"a": [1], "b": [2], "c": [3]})
    response = answered(frame, AnswerForm("Service", "1", outputs={"c": False, "a": None}, is_binary=True))
    length = int(response.headers["Inference-Header-Content-Length"])
    described = json.loads(response.body[:length])["outputs"]
    assert [(one["name"], one.get("data"), one.get("parameters")) for one in described] == [
        ("c", [3], None),
        ("a", None, {"binary_data_size": 8}),
    ]
    assert response.body[length:] == (1).to_bytes(8, "little")
    assert response.headers["content-type"] == "application/octet-stream"


def test_output_without_a_name_takes_the_one_that_is_asked_for() -> None:
    response = answered(np.ones(1), AnswerForm("Service", "1", outputs={"OUTPUT__0": True}))
    assert list(arrays_of(response.body, response.headers)) == ["OUTPUT__0"]


@pytest.mark.parametrize("value", [pd.DataFrame({"a": [1]}), {"a": 1, "b": 2}, pd.Series([1], name="a")], ids=type)
def test_output_that_is_not_there_is_refused(value: Any) -> None:
    with pytest.raises(InputError, match="there is no output 'z'; there is 'a'"):
        TensorAnswer(value, AnswerForm("Service", "1", outputs={"z": None}))


def test_headers_of_the_function_are_kept_but_for_the_content_type() -> None:
    response = answered([1], http_headers={"X-Own": "1", "content-type": "text/html"}, http_status=203)
    assert response.status == 203
    assert response.headers.to_json() == (("X-Own", "1"), ("Content-Type", "application/json"))


@pytest.mark.parametrize(
    ("text", "content_type", "expected"),
    [
        ("no luck", "text/plain", "no luck"),
        ('{"message": "no luck"}', "application/json", "no luck"),
        ('{"message": 3}', "application/json", '{"message": 3}'),
        ("{", "application/json", "{"),
        ("", "", "The request failed; the log of the server says why"),
        ("half \ud800", "", "half \ud800"),
    ],
    ids=["text", "message", "no message", "no JSON", "nothing", "surrogate"],
)
def test_error_is_an_object_with_its_text(text: str, content_type: str, expected: str) -> None:
    headers = {"Content-Type": content_type, "Retry-After": "3"}
    response = error_response(InferenceError(text, http_status=418, http_headers=headers))
    assert response.status == 418
    assert json.loads(response.body) == {"error": expected}
    assert response.headers.to_json() == (("Retry-After", "3"), ("Content-Type", "application/json"))
