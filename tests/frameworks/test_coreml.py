"""The Core ML artifact, on models whose weights scikit-learn has trained. Only macOS can run them."""

from __future__ import annotations

import functools
import json
import sys
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from bentoml.exceptions import ArtifactLoadingException
from bentoml.frameworks.coreml import CoreMLModelArtifact
from bentoml.service.env import BentoServiceEnv
from tests.environments.late_import import late_import
from tests.frameworks.contract import FrameworkContract, Question

pytestmark = [
    pytest.mark.environment("onnx"),
    # A package that is converted lies in a directory of coremltools, which forgets it.
    pytest.mark.filterwarnings("ignore:Implicitly cleaning up:ResourceWarning"),
]

coremltools = late_import("coremltools")
neural_network = late_import("coremltools.models.neural_network")
datatypes = late_import("coremltools.models.datatypes")

FEATURES, SPECIES = load_iris(return_X_y=True)

# Where there is no Core ML, the service computes with the weights of the loaded model itself.
NETWORK_SERVICE = """
import bentoml
import numpy as np
from bentoml.adapters import NumpyNdarrayInput
from bentoml.frameworks.coreml import CoreMLModelArtifact


@bentoml.env(infer_pip_packages=True)
@bentoml.artifacts([CoreMLModelArtifact("model")])
class Served(bentoml.BentoService):
    @bentoml.api(input=NumpyNdarrayInput(dtype="float32", shape=(None, 4)), batch=True, mb_max_latency=5000)
    def predict(self, rows):
        layer = self.artifacts.model.get_spec().neuralNetwork.layers[0].innerProduct
        weights = np.array(layer.weights.floatValue).reshape(layer.outputChannels, layer.inputChannels)
        return rows @ weights.T + np.array(layer.bias.floatValue)
"""
PROGRAM_SERVICE = """
import bentoml
import coremltools
from bentoml.adapters import NumpyNdarrayInput
from bentoml.frameworks.coreml import CoreMLModelArtifact


@bentoml.env(infer_pip_packages=True)
@bentoml.artifacts([CoreMLModelArtifact("model")])
class Served(bentoml.BentoService):
    @bentoml.api(input=NumpyNdarrayInput(dtype="float32", shape=(None, 4)), batch=True, mb_max_latency=5000)
    def predict(self, rows):
        found = coremltools.optimize.coreml.get_weights_metadata(self.artifacts.model, weight_threshold=1)
        return rows @ found["scores_weight_0"].val.T + found["scores_bias_0"].val
"""


@functools.cache
def classifier() -> Any:
    """Three kinds of iris, from four lengths."""
    return LogisticRegression(max_iter=500).fit(FEATURES, SPECIES)


@functools.cache
def network() -> Any:
    inputs, outputs = [("features", datatypes.Array(4))], [("scores", datatypes.Array(3))]
    builder = neural_network.NeuralNetworkBuilder(inputs, outputs, disable_rank5_shape_mapping=True)
    builder.add_inner_product(
        "scores",
        classifier().coef_,
        classifier().intercept_,
        4,
        3,
        has_bias=True,
        input_name="features",
        output_name="scores",
    )
    return coremltools.models.MLModel(builder.spec)


@functools.cache
def program() -> Any:
    mil = coremltools.converters.mil.Builder
    weights = classifier().coef_.astype(np.float32), classifier().intercept_.astype(np.float32)

    def scores(features: Any) -> Any:
        return mil.linear(x=features, weight=weights[0], bias=weights[1], name="scores")

    return coremltools.convert(
        mil.program(input_specs=[mil.TensorSpec(shape=(1, 4))])(scores),
        convert_to="mlprogram",
        minimum_deployment_target=coremltools.target.iOS16,
        compute_precision=coremltools.precision.FLOAT32,
    )


class CoreMLContract(FrameworkContract):
    library: ClassVar[str | None] = "coremltools"
    requirement = "coremltools"

    def new(self, name: str = "model") -> CoreMLModelArtifact:
        return CoreMLModelArtifact(name)

    def wrong_object(self) -> Any:
        return network().get_spec()

    def outcome(self, obj: Any) -> Any:
        weights = sorted(Path(obj.weights_dir).iterdir()) if obj.weights_dir else []
        content = obj.get_spec().SerializeToString(deterministic=True)
        return [content.hex(), [file.read_bytes().hex() for file in weights]]

    def questions(self, obj: Any) -> list[Question]:
        scores = classifier().decision_function(FEATURES)
        return [
            Question(json.dumps(FEATURES[rows].tolist()).encode(), scores[rows].tolist())
            for rows in (slice(0, 1), slice(50, 53), slice(149, 150))
        ]

    def is_same(self, actual: Any, expected: Any) -> bool:
        """Weights are 32-bit floats in the model."""
        if isinstance(expected[-1], list) and isinstance(expected[0], list):
            return np.allclose(np.array(actual), np.array(expected), rtol=1e-4, atol=1e-4)
        return bool(actual == expected)


class TestNetwork(CoreMLContract):
    files = frozenset({"model.mlmodel"})
    service = NETWORK_SERVICE
    facts: ClassVar[dict[str, Any]] = {
        "framework": "coremltools",
        "class": "coremltools.models.model.MLModel",
        "kind": "neuralNetwork",
        "input_signature": [{"name": "features", "dtype": "float64", "shape": [4]}],
        "output_signature": [{"name": "scores", "dtype": "float64", "shape": [3]}],
    }

    def good_object(self) -> Any:
        return network()


class TestProgram(CoreMLContract):
    files = frozenset({"model.mlpackage"})
    service = PROGRAM_SERVICE
    facts: ClassVar[dict[str, Any]] = {
        "kind": "mlProgram",
        "input_signature": [{"name": "features", "dtype": "float32", "shape": [1, 4]}],
        "output_signature": [{"name": "scores", "dtype": "float32", "shape": [1, 3]}],
    }

    def good_object(self) -> Any:
        return program()


@pytest.mark.parametrize("order", [(network, program), (program, network)], ids=["program last", "network last"])
def test_save_again_leaves_no_file_of_the_model_before(tmp_path: Path, order: tuple[Any, Any]) -> None:
    for make in order:
        CoreMLModelArtifact("model").pack(make()).save(str(tmp_path))
    (left,) = tmp_path.iterdir()
    kind = CoreMLModelArtifact("model").load(str(tmp_path)).get().get_spec().WhichOneof("Type")
    assert (left.suffix, kind) in {(".mlpackage", "mlProgram"), (".mlmodel", "neuralNetwork")}
    assert kind == order[1]().get_spec().WhichOneof("Type")


@pytest.mark.parametrize(("device", "units"), [("cpu", "CPU_ONLY"), ("mps", "ALL")])
def test_device_chooses_the_compute_units(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, device: str, units: str
) -> None:
    CoreMLModelArtifact("model").pack(network()).save(str(tmp_path))
    monkeypatch.setenv("BENTOML_DEVICE", device)
    assert CoreMLModelArtifact("model").load(str(tmp_path)).get().compute_unit.name == units


def test_device_that_core_ml_has_not_says_which_it_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    CoreMLModelArtifact("model").pack(network()).save(str(tmp_path))
    monkeypatch.setenv("BENTOML_DEVICE", "cuda:1")
    with pytest.raises(ArtifactLoadingException, match="cpu and mps, not cuda:1"):
        CoreMLModelArtifact("model").load(str(tmp_path))


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "there is no model in .*save the service again"), (b"no such thing", "'model' can not be loaded")],
    ids=["empty", "words"],
)
def test_file_that_is_no_model_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "model.mlmodel").write_bytes(content)
    with pytest.raises(ArtifactLoadingException, match=words):
        CoreMLModelArtifact("model").load(str(tmp_path))


def test_package_without_its_manifest_is_refused(tmp_path: Path) -> None:
    CoreMLModelArtifact("model").pack(program()).save(str(tmp_path))
    (tmp_path / "model.mlpackage" / "Manifest.json").unlink()
    with pytest.raises(ArtifactLoadingException, match="manifest does not exist"):
        CoreMLModelArtifact("model").load(str(tmp_path))


@pytest.mark.skipif(sys.platform == "darwin", reason="there is Core ML")
def test_prediction_elsewhere_says_that_it_takes_macos(tmp_path: Path) -> None:
    CoreMLModelArtifact("model").pack(network()).save(str(tmp_path))
    with pytest.raises(Exception, match="only supported on macOS"):
        CoreMLModelArtifact("model").load(str(tmp_path)).get().predict({"features": FEATURES[0]})


@pytest.mark.parametrize("infer", [True, False], ids=["inferred", "declared"])
def test_set_dependencies_adds_coremltools_only_when_inferring(infer: bool) -> None:
    env = BentoServiceEnv(infer_pip_packages=infer)
    CoreMLModelArtifact("model").set_dependencies(env)
    assert env._pip_packages == ["coremltools"] * infer
