"""Models of Detectron2, which is not published for the versions of Python that this library runs on."""

from __future__ import annotations

from bentoml.exceptions import MissingDependencyException
from bentoml.service.artifacts.base import BentoServiceArtifact


class DetectronModelArtifact(BentoServiceArtifact):
    """Takes no model: there is no package of Detectron2 to install.

    A model that was exported to TorchScript fits into a `bentoml.frameworks.pytorch.PytorchModelArtifact`.

    Raises:
        MissingDependencyException: always.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        raise MissingDependencyException(
            f"DetectronModelArtifact '{name}' can not be used: detectron2 has no package for Python 3.10 or newer; "
            "export the model to TorchScript and pack it in a bentoml.frameworks.pytorch.PytorchModelArtifact"
        )
