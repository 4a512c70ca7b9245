"""Old home of the artifact classes; they live in `bentoml.service.artifacts` and `bentoml.frameworks`."""

from __future__ import annotations

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
