"""Old home of the artifact classes; they live in `bentoml.service.artifacts` and `bentoml.frameworks`."""

from __future__ import annotations

from typing import NoReturn

from bentoml._util.dropped import refuse_name
from bentoml.frameworks.sklearn import SklearnModelArtifact
from bentoml.service.artifacts import ArtifactCollection, BentoServiceArtifact
from bentoml.service.artifacts.common import JSONArtifact, PickleArtifact, TextFileArtifact

__all__ = [
    "ArtifactCollection",
    "BentoServiceArtifact",
    "JSONArtifact",
    "PickleArtifact",
    "SklearnModelArtifact",
    "TextFileArtifact",
]

_DROPPED = {
    "Fastai1ModelArtifact": "fastai 1 does not run on Python 3.10 and later; use a fastai 2 learner",
    "OnnxMlirModelArtifact": "its runtime is not published for Python 3.10 and later; keep the ONNX model",
}


def __getattr__(name: str) -> NoReturn:
    refuse_name(__name__, name, _DROPPED)
