"""The Detectron2 artifact, which can only say that there is no such library."""

from __future__ import annotations

import pytest

from bentoml.exceptions import MissingDependencyException
from bentoml.frameworks.detectron import DetectronModelArtifact


def test_artifact_says_what_to_use_instead() -> None:
    with pytest.raises(
        MissingDependencyException, match=r"TorchScript .* bentoml\.frameworks\.pytorch\.PytorchModelArti"
    ):
        DetectronModelArtifact("model")


def test_name_that_is_no_identifier_is_refused_as_elsewhere() -> None:
    with pytest.raises(ValueError, match="identifier"):
        DetectronModelArtifact("no name")
