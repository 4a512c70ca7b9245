"""Artifacts: the trained models and other objects a service carries."""

from __future__ import annotations

from bentoml.service.artifacts.base import BentoServiceArtifact
from bentoml.service.artifacts.collection import ARTIFACTS_DIR_NAME, ArtifactCollection

__all__ = ["ARTIFACTS_DIR_NAME", "ArtifactCollection", "BentoServiceArtifact"]
