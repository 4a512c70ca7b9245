"""Models in the format of ONNX, converted from what scikit-learn has trained, and small graphs of every kind."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_digits, load_iris
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from bentoml.frameworks.onnx import OnnxModelArtifact
from tests.environments.late_import import late_import

onnx = late_import("onnx")
onnxruntime = late_import("onnxruntime")
skl2onnx = late_import("skl2onnx")
data_types = late_import("skl2onnx.common.data_types")

OPSET = 17
FEATURES, SPECIES = load_iris(return_X_y=True)
DIGITS, FIGURES = load_digits(return_X_y=True)
WEATHER = [
    ("a warm and sunny day", "fine"),
    ("such a fine evening", "fine"),
    ("blue sky and a light breeze", "fine"),
    ("what a cold rain", "foul"),
    ("a dull and stormy night", "foul"),
    ("grey clouds and wet feet", "foul"),
]
AGES = [25.0, 32.0, 47.0, 51.0, 62.0, 23.0, 36.0, 44.0]
CITIES = ["Oslo", "Rome", "Oslo", "Rome", "Lima", "Lima", "Rome", "Oslo"]


def converted(model: Any, *inputs: tuple[str, Any], locale: str = "C") -> Any:
    """An `onnx.ModelProto` of an estimator, whose probabilities are an array."""
    options = {id(model): {"zipmap": False}, TfidfVectorizer: {"locale": locale}}
    return skl2onnx.convert_sklearn(model, "model", list(inputs), target_opset=OPSET, options=options)


@functools.cache
def iris() -> Any:
    """Three kinds of iris, from four lengths."""
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(FEATURES, SPECIES)
    return converted(model, ("features", data_types.FloatTensorType([None, 4])))


@functools.cache
def _directory() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="onnx-models-")


@functools.cache
def weather() -> Path:
    """A file with a model that takes sentences."""
    file = Path(_directory().name) / "weather.onnx"
    onnx.save_model(sentences(), str(file))
    return file


def sentences(locale: str = "C") -> Any:
    """Tells fine from foul weather; a machine has the locale C at least."""
    texts, labels = zip(*WEATHER, strict=True)
    model = make_pipeline(TfidfVectorizer(), LogisticRegression(C=100)).fit(texts, labels)
    return converted(model, ("text", data_types.StringTensorType([None, 1])), locale=locale)


@functools.cache
def travellers() -> Path:
    """A file with a model that takes two columns of two types, and with each of its weights in a file of its own."""
    columns = np.empty((len(AGES), 2), dtype=object)
    columns[:, 0], columns[:, 1] = AGES, CITIES
    prepared = ColumnTransformer([("age", StandardScaler(), [0]), ("city", OneHotEncoder(), [1])])
    network = MLPClassifier((8,), random_state=0, solver="lbfgs", max_iter=1000)
    model = Pipeline([("prepared", prepared), ("network", network)])
    model.fit(columns, [age > 40 and city != "Lima" for age, city in zip(AGES, CITIES, strict=True)])
    directory = Path(_directory().name) / "travellers"
    directory.mkdir()
    inputs = ("age", data_types.FloatTensorType([None, 1])), ("city", data_types.StringTensorType([None, 1]))
    return save_apart(converted(model, *inputs), directory / "travellers.onnx")


@functools.cache
def digits() -> Any:
    """A network for pictures of 8 by 8 pixels: weights that are multiplied with."""
    network = MLPClassifier((32,), random_state=0, max_iter=30, tol=0.1).fit(DIGITS, FIGURES)
    return converted(network, ("pixels", data_types.FloatTensorType([None, 64])))


def save_apart(model: Any, file: Path, *, together: str | None = None) -> Path:
    """Save a model with all weights in files of their own, or in one of this name."""
    copy = type(model)()
    copy.CopyFrom(model)
    for tensor in copy.graph.initializer:  # only raw bytes go into files; shapes have to stay
        if tensor.data_type == onnx.TensorProto.FLOAT:
            tensor.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(tensor), tensor.name))
    onnx.save_model(
        copy,
        str(file),
        save_as_external_data=True,
        all_tensors_to_one_file=together is not None,
        location=together,
        size_threshold=0,
    )
    return file


def graph_of(operator: str = "Relu", domain: str = "", *, opset: int = OPSET, ir_version: int = 8) -> Any:
    """A model of one operator."""
    helper, number = onnx.helper, onnx.TensorProto.FLOAT
    values = [helper.make_tensor_value_info(name, number, ["rows", 2]) for name in ("x", "y")]
    graph = helper.make_graph(
        [helper.make_node(operator, ["x"], ["y"], domain=domain)], "graph", *([v] for v in values)
    )
    opsets = [helper.make_opsetid("", opset)] + ([helper.make_opsetid(domain, 1)] if domain else [])
    return helper.make_model(graph, opset_imports=opsets, ir_version=ir_version)


def session_of(model: Any) -> Any:
    """The session itself, or one of a model that was packed."""
    if isinstance(model, onnxruntime.InferenceSession):
        return model
    content = str(model) if isinstance(model, Path) else model.SerializeToString()
    return onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])


def saved(model: Any, directory: Path, **arguments: Any) -> Path:
    """The directory, with the files of an artifact called `model`."""
    OnnxModelArtifact("model", **arguments).pack(model).save(str(directory))
    return directory


def load(directory: Path, **arguments: Any) -> Any:
    """The session that an artifact gives which was loaded from a directory."""
    return OnnxModelArtifact("model", **arguments).load(str(directory)).get()


def lookup(operator: str, size: int = 512) -> Any:
    """A model of one operator with a matrix of weights: `MatMul`, or `Gather`, which takes rows of it."""
    helper, kind = onnx.helper, onnx.TensorProto
    takes_rows = operator == "Gather"
    wanted = (kind.INT64, [None]) if takes_rows else (kind.FLOAT, [None, size])
    x = helper.make_tensor_value_info("x", *wanted)
    y = helper.make_tensor_value_info("y", kind.FLOAT, [None, size])
    weights = onnx.numpy_helper.from_array(np.full((size, size), 0.5, np.float32), "weights")
    node = helper.make_node(operator, ["weights", "x"] if takes_rows else ["x", "weights"], ["y"])
    graph = helper.make_graph([node], "graph", [x], [y], [weights])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
