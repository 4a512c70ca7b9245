"""Artifacts that need no machine-learning library."""

from __future__ import annotations

from bentoml.service.artifacts.json_file import JSONArtifact
from bentoml.service.artifacts.pickle import PickleArtifact
from bentoml.service.artifacts.text_file import TextFileArtifact

__all__ = ["JSONArtifact", "PickleArtifact", "TextFileArtifact"]
