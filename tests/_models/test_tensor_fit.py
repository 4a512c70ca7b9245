"""Values become the tensors that a function takes, and never other values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bentoml._models.tensor_fit import OTHER_KIND, SAME, SAME_KIND, MisfitError, described, fitted
from tests.environments.late_import import late_import

pytestmark = pytest.mark.environment("tensorflow")

tf = late_import("tensorflow")


def spec(dtype: str, *shape: int | None) -> Any:
    return tf.TensorSpec(shape, tf.dtypes.as_dtype(dtype))


@pytest.mark.parametrize(
    ("value", "dtype", "expected", "distance"),
    [
        ([1.5, 2.5], "float32", [1.5, 2.5], SAME_KIND),
        ([1, 2], "float32", [1.0, 2.0], OTHER_KIND),
        ([True, False], "float32", [1.0, 0.0], OTHER_KIND),
        (np.array([1.5, 2.5], np.float32), "float32", [1.5, 2.5], SAME),
        (np.array([1.5, 2.5], np.float16), "float32", [1.5, 2.5], SAME_KIND),
        ([1.0, float("inf")], "float32", [1.0, float("inf")], SAME_KIND),
        ([1, 2], "bfloat16", [1.0, 2.0], OTHER_KIND),
        ([1, 255], "uint8", [1, 255], SAME_KIND),
        ([1.0, 2.0], "int32", [1, 2], OTHER_KIND),
        ([1, 2**31 - 1], "int32", [1, 2**31 - 1], SAME_KIND),
        ([True, False], "bool", [True, False], SAME),
        ([1, 2], "complex64", [1, 2], OTHER_KIND),
        (["a", b"\x00", "ü"], "string", [b"a", b"\x00", "ü".encode()], SAME),
        (np.array(["a", "b"]), "string", [b"a", b"b"], SAME),
        (np.array([1.5, 2], object), "float32", [1.5, 2.0], SAME_KIND),
    ],
)
def test_value_becomes_a_tensor(value: Any, dtype: str, expected: list[Any], distance: int) -> None:
    tensor, away = fitted(value, spec(dtype, None))
    assert (tensor.dtype.name, tensor.numpy().tolist(), away) == (dtype, expected, distance)


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        ([1.5], "int32"),
        ([2**31], "int32"),
        ([256], "uint8"),
        ([-1], "uint8"),
        ([float("nan")], "int32"),
        ([1e300], "float32"),
        ([1 + 2j], "float32"),
        ([1], "bool"),
        (["1"], "float32"),
        ([1], "string"),
        (np.array(["a", 1], object), "string"),
        (np.array(["a", 1], object), "float32"),
        ([[1.0], [1.0, 2.0]], "float32"),
        ([[1.0]], "float32"),
        (1.0, "float32"),
        ({"a": 1}, "float32"),
        (None, "float32"),
    ],
    ids=str,
)
def test_value_that_says_something_else_does_not_fit(value: Any, dtype: str) -> None:
    with pytest.raises(MisfitError):
        fitted(value, spec(dtype, None))


def test_tensor_is_kept_or_cast() -> None:
    halves = tf.constant([1.5])
    assert fitted(halves, spec("float32", None)) == (halves, SAME)
    double, distance = fitted(halves, spec("float64", None))
    assert (double.dtype, distance) == (tf.float64, SAME_KIND)
    whole, distance = fitted(tf.Variable([1, 2]), spec("float32", 2))
    assert (whole.dtype, distance) == (tf.float32, OTHER_KIND)
    for value in (halves, tf.ragged.constant([[1], [1, 2]]), tf.sparse.eye(2)):
        with pytest.raises(MisfitError):
            fitted(value, spec("int32", None))


def test_symbolic_tensor_is_cast_within_its_kind() -> None:
    @tf.function  # type: ignore[untyped-decorator]
    def function(value: Any) -> Any:
        return fitted(value, spec("float64", None))[0]

    assert function(tf.constant([1.5])).dtype == tf.float64
    with pytest.raises(MisfitError):
        function(tf.constant([1]))


def test_structures_are_followed() -> None:
    wanted = ({"a": spec("float32", None), "b": [spec("int32"), True]}, None)
    (value, nothing), distance = fitted(({"a": [1.5], "b": [2, True]}, None), wanted)
    assert (value["a"].dtype, value["b"][0].dtype, value["b"][1], nothing) == (tf.float32, tf.int32, True, None)
    assert distance == 2 * SAME_KIND
    for other in (
        ({"a": [1.5]}, None),
        ({"a": [1.5], "b": [2, False]}, None),
        ({"a": [1.5], "b": [2, 1]}, None),
        ({"a": [1.5], "b": [2]}, None),
        ({"a": [1.5], "b": [2, True]}, 1),
        (1, None),
    ):
        with pytest.raises(MisfitError):
            fitted(other, wanted)


def test_values_and_specs_are_described_in_short() -> None:
    shown = {
        "float32[?, 4]": spec("float32", None, 4),
        "float32[...]": tf.TensorSpec(None, tf.float32),
        "int64[2]": [1, 2],
        "float32[]": tf.constant(1.0),
        "a ragged list": [[1], [1, 2]],
        "{a: int32[]}": {"a": spec("int32")},
        "(int32[], 'x')": (spec("int32"), "x"),
        "None": None,
    }
    assert [described(value) for value in shown.values()] == list(shown)
