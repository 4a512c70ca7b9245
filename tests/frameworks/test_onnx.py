"""The ONNX artifact, on models that were trained here and converted."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from bentoml.exceptions import ArtifactLoadingException, InvalidArgument, MissingDependencyException
from bentoml.frameworks.onnx import OnnxModelArtifact
from bentoml.service.env import BentoServiceEnv
from tests.frameworks import onnx_models
from tests.frameworks.contract import FrameworkContract, Question
from tests.frameworks.onnx_models import AGES, CITIES, FEATURES, WEATHER, graph_of, load, saved, session_of

pytestmark = pytest.mark.environment("onnx")

SERVICE = """
import bentoml
from bentoml.adapters import NumpyNdarrayInput
from bentoml.frameworks.onnx import OnnxModelArtifact


@bentoml.env(infer_pip_packages=True)
@bentoml.artifacts([OnnxModelArtifact("model")])
class Served(bentoml.BentoService):
    @bentoml.api(input=NumpyNdarrayInput(dtype="float32", shape=(None, 4)), batch=True, mb_max_latency=5000)
    def predict(self, rows):
        return self.artifacts.model.run(["probabilities"], {"features": rows})[0]
"""
TEXT_SERVICE = """
import bentoml
import numpy as np
from bentoml.adapters import StringInput
from bentoml.frameworks.onnx import OnnxModelArtifact


@bentoml.env(infer_pip_packages=True)
@bentoml.artifacts([OnnxModelArtifact("model")])
class Served(bentoml.BentoService):
    @bentoml.api(input=StringInput(), batch=True, mb_max_latency=5000)
    def predict(self, texts):
        return self.artifacts.model.run(["label"], {"text": np.array(texts, dtype=object).reshape(-1, 1)})[0].tolist()
"""
COLUMNS_SERVICE = """
import bentoml
import numpy as np
from bentoml.adapters import JsonInput
from bentoml.frameworks.onnx import OnnxModelArtifact


@bentoml.env(infer_pip_packages=True)
@bentoml.artifacts([OnnxModelArtifact("model")])
class Served(bentoml.BentoService):
    @bentoml.api(input=JsonInput(), batch=True, mb_max_latency=5000)
    def predict(self, people):
        columns = {
            "age": np.array([[person["age"]] for person in people], dtype=np.float32),
            "city": np.array([[person["city"]] for person in people], dtype=object),
        }
        return self.artifacts.model.run(["probabilities"], columns)[0].tolist()
"""


class OnnxContract(FrameworkContract):
    library: ClassVar[str | None] = "onnxruntime"
    requirement = "onnxruntime"
    class_name: ClassVar[str] = "onnxruntime.capi.onnxruntime_inference_collection.InferenceSession"

    def new(self, name: str = "model") -> OnnxModelArtifact:
        return OnnxModelArtifact(name)

    def wrong_object(self) -> Any:
        return b"model.onnx"

    def is_same(self, actual: Any, expected: Any) -> bool:
        """Sums of 32-bit floats differ in the last digit with the number of rows."""
        if isinstance(expected, str):
            return bool(actual == expected)
        return np.allclose(np.array(actual), np.array(expected), rtol=1e-4)


class TestModelInMemory(OnnxContract):
    files = frozenset({"model.onnx"})
    service = SERVICE
    facts: ClassVar[dict[str, Any]] = {
        "class": OnnxContract.class_name,
        "framework": "onnxruntime",
        "input_signature": [{"name": "features", "dtype": "float32", "shape": [None, 4]}],
        "output_signature": [
            {"name": "label", "dtype": "int64", "shape": [None]},
            {"name": "probabilities", "dtype": "float32", "shape": [None, 3]},
        ],
        "ir_version": 8,
    }

    def good_object(self) -> Any:
        return onnx_models.iris()

    def outcome(self, obj: Any) -> Any:
        return session_of(obj).run(["probabilities"], {"features": FEATURES.astype(np.float32)})[0].tolist()

    def questions(self, obj: Any) -> list[Question]:
        probabilities = self.outcome(obj)
        return [
            Question(json.dumps(FEATURES[rows].tolist()).encode(), probabilities[rows])
            for rows in (slice(0, 1), slice(50, 53), slice(149, 150))
        ]


class TestPathOfTextModel(OnnxContract):
    files = frozenset({"model.onnx"})
    service = TEXT_SERVICE
    facts: ClassVar[dict[str, Any]] = {
        "input_signature": [{"name": "text", "dtype": "string", "shape": [None, 1]}],
    }

    def good_object(self) -> Any:
        return onnx_models.weather()

    def outcome(self, obj: Any) -> Any:
        texts = [*(text for text, _ in WEATHER), "a sunny evening", "rain", "nothing of that"]
        session = session_of(obj)
        return [session.run(["label"], {"text": np.array([[text]], dtype=object)})[0].tolist() for text in texts]

    def is_same(self, actual: Any, expected: Any) -> bool:
        return bool(actual == expected)

    def questions(self, obj: Any) -> list[Question]:
        return [Question(text.encode(), label, "text/plain") for text, label in WEATHER]


class TestPathWithWeightsApart(OnnxContract):
    files = frozenset({"model.onnx", "model.data"})
    service = COLUMNS_SERVICE
    facts: ClassVar[dict[str, Any]] = {
        "input_signature": [
            {"name": "age", "dtype": "float32", "shape": [None, 1]},
            {"name": "city", "dtype": "string", "shape": [None, 1]},
        ],
    }

    def good_object(self) -> Any:
        return onnx_models.travellers()

    def outcome(self, obj: Any) -> Any:
        columns = {
            "age": np.array(AGES, dtype=np.float32).reshape(-1, 1),
            "city": np.array(CITIES, dtype=object).reshape(-1, 1),
        }
        return session_of(obj).run(["probabilities"], columns)[0].tolist()

    def questions(self, obj: Any) -> list[Question]:
        people = zip(AGES, CITIES, self.outcome(obj), strict=True)
        return [Question(json.dumps({"age": age, "city": city}).encode(), answer) for age, city, answer in people]


def test_model_for_this_contract_has_many_files_of_weights() -> None:
    assert len(list(onnx_models.travellers().parent.iterdir())) > 2


def test_predictions_are_those_of_the_estimator(tmp_path: Path) -> None:
    session = load(saved(onnx_models.digits(), tmp_path))
    (figures,) = session.run(["label"], {"pixels": onnx_models.DIGITS.astype(np.float32)})
    assert np.mean(figures == onnx_models.FIGURES) > 0.9


def test_facts_count_the_weights_and_tell_who_made_it() -> None:
    facts = OnnxModelArtifact("model").pack(onnx_models.digits()).facts()
    assert facts["parameters"] >= 64 * 32 + 32 + 32 * 10 + 10
    assert facts["producer"].startswith("skl2onnx ")
    assert facts["opset"]["ai.onnx"] <= onnx_models.OPSET


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ({"operator": "Fly", "domain": "com.example"}, "com.example:Fly.*|register_custom_ops_library"),
        ({"opset": 99}, "install a newer onnxruntime, or convert .* lower target_opset"),
        ({"ir_version": 99}, "install a newer onnxruntime"),
        ({"operator": "Fly"}, "'model' can not be loaded.* No Op registered for Fly"),
    ],
    ids=["custom operator", "newer opset", "newer format", "no such operator"],
)
def test_model_that_the_runtime_can_not_run_says_why(tmp_path: Path, model: dict[str, Any], words: str) -> None:
    saved(graph_of(**model), tmp_path)
    with pytest.raises(ArtifactLoadingException, match=words):
        load(tmp_path)


def test_locale_that_is_not_there_says_what_to_install(tmp_path: Path) -> None:
    saved(onnx_models.sentences(locale="xx_XX.UTF-8"), tmp_path)
    with pytest.raises(ArtifactLoadingException, match=r"locales-all.*xx_XX\.UTF-8"):
        load(tmp_path)


def test_backend_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="one of onnxruntime, onnxruntime-gpu, not 'onnx'"):
        OnnxModelArtifact("model", backend="onnx")


@pytest.mark.parametrize(
    ("backend", "infer", "expected"),
    [
        ("onnxruntime", True, ["onnxruntime"]),
        ("onnxruntime-gpu", True, ["onnxruntime-gpu"]),
        ("onnxruntime", False, []),
    ],
)
def test_set_dependencies_adds_the_backend_only_when_inferring(backend: str, infer: bool, expected: list[str]) -> None:
    env = BentoServiceEnv(infer_pip_packages=infer)
    OnnxModelArtifact("model", backend).set_dependencies(env)
    assert env._pip_packages == expected


def test_missing_backend_is_named_as_it_was_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingDependencyException, match="run: pip install onnxruntime-gpu"):
        OnnxModelArtifact("model", backend="onnxruntime-gpu").pack("model.onnx")
