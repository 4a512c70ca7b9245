"""Models of LightGBM."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from bentoml._util.files import replaced_file
from bentoml._util.optional import require
from bentoml.exceptions import InvalidArgument
from bentoml.service.artifacts.base import MOST_FEATURE_NAMES, FileFormat, ModelArtifact

if TYPE_CHECKING:
    from typing_extensions import Self

    from bentoml.service.env import BentoServiceEnv


class LightGBMModelArtifact(ModelArtifact):
    """A booster in LightGBM's own text file, `<name>.txt`, which holds no code.

    Of a booster that stopped early, the trees up to its best iteration are kept: those that it predicts with.
    """

    formats = (FileFormat("text", (".txt",)),)

    def pack(self, model: Any, metadata: dict[str, Any] | None = None) -> Self:  # noqa: ARG002 - kept by the base
        """Take a `lightgbm.Booster`.

        Raises:
            InvalidArgument: it is something else.
            MissingDependencyException: LightGBM is not installed.
        """
        if not isinstance(model, _lightgbm().Booster):
            hint = "; pack model.booster_" if hasattr(type(model), "booster_") else ""
            raise InvalidArgument(
                f"LightGBMModelArtifact '{self.name}' takes a lightgbm.Booster, got {type(model)}{hint}"
            )
        self._model = model
        return self

    def load(self, path: str) -> Self:
        """Read the booster."""
        lightgbm = _lightgbm()
        file = self._existing(self._file(path))
        self._model = lightgbm.Booster(model_file=str(file))
        return self

    def save(self, dst: str) -> None:
        """Write the file."""
        with replaced_file(self._file(dst)) as path:
            self._model.save_model(str(path))

    def facts(self) -> dict[str, Any]:
        """Class, version of the library, number of trees, and the features."""
        return {
            **super().facts(),
            "input_signature": [{"name": None, "dtype": "float64", "shape": [None, self._model.num_feature()]}],
            "feature_names": self._model.feature_name()[:MOST_FEATURE_NAMES],
            "trees": self._model.num_trees(),
        }

    def set_dependencies(self, env: BentoServiceEnv) -> None:
        """Add LightGBM when requirements are inferred."""
        if env._infer_pip_packages:
            env.add_pip_packages(["lightgbm"])

    def _file(self, directory: str) -> Path:
        return Path(directory) / f"{self.name}.txt"


def _lightgbm() -> Any:
    return require("lightgbm")
