"""Old home of the artifact classes; they live in `bentoml.service.artifacts` and `bentoml.frameworks`."""

from __future__ import annotations

import importlib
from typing import Any

from bentoml._util.dropped import refuse_name
from bentoml.service.artifacts import ArtifactCollection, BentoServiceArtifact
from bentoml.service.artifacts.common import JSONArtifact, PickleArtifact, TextFileArtifact

_FRAMEWORKS = {
    "CatBoostModelArtifact": "catboost",
    "CoreMLModelArtifact": "coreml",
    "DetectronModelArtifact": "detectron",
    "EasyOCRArtifact": "easyocr",
    "FastaiModelArtifact": "fastai",
    "FasttextModelArtifact": "fasttext",
    "GluonModelArtifact": "gluon",
    "H2oModelArtifact": "h2o",
    "KerasModelArtifact": "keras",
    "LightGBMModelArtifact": "lightgbm",
    "OnnxModelArtifact": "onnx",
    "PaddlePaddleModelArtifact": "paddle",
    "PytorchLightningModelArtifact": "pytorch",
    "PytorchModelArtifact": "pytorch",
    "SklearnModelArtifact": "sklearn",
    "SpacyModelArtifact": "spacy",
    "TensorflowSavedModelArtifact": "tensorflow",
    "TransformersModelArtifact": "transformers",
    "XgboostModelArtifact": "xgboost",
}
_RENAMED = {"Fastai2ModelArtifact": "FastaiModelArtifact"}
_DROPPED = {
    "Fastai1ModelArtifact": "fastai 1 does not run on Python 3.10 and later; use a fastai 2 learner",
    "OnnxMlirModelArtifact": "its runtime is not published for Python 3.10 and later; keep the ONNX model",
}

__all__ = [  # noqa: PLE0604 - names of classes, from a table
    "ArtifactCollection",
    "BentoServiceArtifact",
    "JSONArtifact",
    "PickleArtifact",
    "TextFileArtifact",
    *_FRAMEWORKS,
    *_RENAMED,
]


def __getattr__(name: str) -> Any:
    class_name = _RENAMED.get(name, name)
    if class_name not in _FRAMEWORKS:
        refuse_name(__name__, name, _DROPPED)
    return getattr(importlib.import_module(f"bentoml.frameworks.{_FRAMEWORKS[class_name]}"), class_name)
