"""Functions of a loaded SavedModel take plain values, in the form that is nearest."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bentoml._models.saved_model_calls import CallableModel
from bentoml.exceptions import InvalidArgument
from tests.environments.late_import import late_import

pytestmark = pytest.mark.environment("tensorflow")

tf = late_import("tensorflow")


def make_model() -> Any:
    class Inner(tf.Module):  # type: ignore[misc, name-defined]
        @tf.function(input_signature=[tf.TensorSpec((None,), tf.float32)])  # type: ignore[untyped-decorator]
        def half(self, values: Any) -> Any:
            return values / 2

    class Model(tf.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.inner = Inner()
            self.factor = tf.Variable(3.0)

        @tf.function(input_signature=[tf.TensorSpec((None, 2), tf.float32, name="rows")])  # type: ignore[untyped-decorator]
        def __call__(self, rows: Any) -> Any:
            return rows * self.factor

        @tf.function  # type: ignore[untyped-decorator]
        def scale(self, values: Any, by: Any = 2.0, *, negative: bool = False) -> Any:
            return -values * by if negative else values * by

        @tf.function  # type: ignore[untyped-decorator]
        def total(self, parts: Any) -> Any:
            return parts["a"] + parts["b"]

        @tf.function  # type: ignore[untyped-decorator]
        def never_called(self, values: Any) -> Any:
            return values

    model = Model()
    model.scale(tf.ones(2))
    model.scale(tf.ones(2), negative=True)
    model.scale(tf.ones((2, 2), tf.int32), by=tf.constant(3))
    model.total({"a": tf.ones(2), "b": tf.ones(2)})
    return model


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> CallableModel:
    directory: Path = tmp_path_factory.mktemp("model")
    made = make_model()
    total = made.total.get_concrete_function({key: tf.TensorSpec(2, name=f"parts_{key}") for key in "ab"})
    tf.saved_model.save(made, str(directory), signatures={"serving_default": made.__call__, "total": total})
    return CallableModel(tf.saved_model.load(str(directory)), "/CPU:0")


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda model: model([[1, 2]]), [[3.0, 6.0]]),
        (lambda model: model(rows=np.ones((1, 2))), [[3.0, 3.0]]),
        (lambda model: model(tf.constant([[1, 2]])), [[3.0, 6.0]]),
        (lambda model: model(tf.constant([[1.0, 2.0]])), [[3.0, 6.0]]),
        (lambda model: model.scale([1, 2]), [2.0, 4.0]),
        (lambda model: model.scale([1, 2], negative=True), [-2.0, -4.0]),
        (lambda model: model.scale([1, 2], 2.0, negative=False), [2.0, 4.0]),
        (lambda model: model.scale(np.ones((2, 2)), by=np.int64(5)), [[5, 5], [5, 5]]),
        (lambda model: model.total({"a": [1, 2], "b": np.ones(2)}), [2.0, 3.0]),
        (lambda model: model.inner.half([1, 2]), [0.5, 1.0]),
        (lambda model: model.signatures["serving_default"]([[1, 2]])["output_0"], [[3.0, 6.0]]),
        (lambda model: model.signatures["serving_default"](rows=[[1, 2]])["output_0"], [[3.0, 6.0]]),
        (lambda model: model.signatures["total"](parts_a=[1, 2], parts_b=[3, 4])["output_0"], [4.0, 6.0]),
    ],
)
def test_call_makes_the_arguments_fit(
    model: CallableModel, call: Callable[[CallableModel], Any], expected: Any
) -> None:
    result = call(model)
    assert result.numpy().tolist() == expected
    assert result.device.endswith("CPU:0")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda model: model([[1, 2, 3]]), r"the model takes \(float32\[\?, 2\]\), not \(int64\[1, 3\]\)"),
        (lambda model: model(), r"not \(\)"),
        (lambda model: model([[1, 2]], [[1, 2]]), r"not \(int64\[1, 2\], int64\[1, 2\]\)"),
        (lambda model: model([[1, 2]], rows=[[1, 2]]), "the model takes"),
        (lambda model: model(columns=[[1, 2]]), r"not \(columns: int64\[1, 2\]\)"),
        (lambda model: model([["a", "b"]]), "the model takes"),
        (lambda model: model.scale([1, 2], by=7.0), r"scale takes \(float32\[2\], .* or .*, not \(int64\[2\], by: "),
        (lambda model: model.total({"a": [1, 2]}), r"total takes \(\{a: float32\[2\], b: float32\[2\]\}\), not"),
        (lambda model: model.signatures["total"]([1, 2]), "total takes"),
    ],
)
def test_call_that_does_not_fit_is_the_callers_fault(
    model: CallableModel, call: Callable[[CallableModel], Any], words: str
) -> None:
    with pytest.raises(InvalidArgument, match=words):
        call(model)


def test_everything_else_is_as_tensorflow_has_it(model: CallableModel) -> None:
    assert model.factor.numpy() == 3.0
    assert model.scale.function_spec.default_values == {"by": 2.0, "negative": False}
    assert {"factor", "scale", "signatures"} <= set(dir(model))
    assert repr(model).startswith("<SavedModel with __call__, scale, total, signatures['serving_default']")
    assert copy.copy(model)([[1, 2]]).numpy().tolist() == [[3.0, 6.0]]
    with pytest.raises(AttributeError, match="weights"):
        _ = model.weights


def test_call_within_a_graph_works(model: CallableModel) -> None:
    @tf.function  # type: ignore[untyped-decorator]
    def twice(rows: Any) -> Any:
        return model(tf.cast(rows, tf.float64)) * 2

    assert twice(tf.constant([[1.0, 2.0]])).numpy().tolist() == [[6.0, 12.0]]
