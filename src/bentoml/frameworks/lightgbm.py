"""Models of LightGBM."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from bentoml._util.files import replaced_file
from bentoml._util.optional import require
from bentoml.exceptions import InvalidArgument
from bentoml.service.artifacts.base import BentoServiceArtifact

if TYPE_CHECKING:
    from typing_extensions import Self

    from bentoml.service.env import BentoServiceEnv

# A manifest stays readable.
_MOST_FEATURE_NAMES = 100


class LightGBMModelArtifact(BentoServiceArtifact):
    """A booster in LightGBM's own text file, `<name>.txt`, which holds no code.

    Of a booster that stopped early, the trees up to its best iteration are kept: those that it predicts with.
    """

    carries_pickle = False

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._model: Any = None

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
        file = self._file(path)
        file.stat()  # says that it is missing in the words of all artifacts
        self._model = lightgbm.Booster(model_file=str(file))
        return self

    def save(self, dst: str) -> None:
        """Write the file."""
        with replaced_file(self._file(dst)) as path:
            self._model.save_model(str(path))

    def get(self) -> Any:
        """The `lightgbm.Booster`."""
        return self._model

    def facts(self) -> dict[str, Any]:
        """Class, version of the library, number of trees, and the features."""
        return {
            **super().facts(),
            "input_signature": [{"name": None, "dtype": "float64", "shape": [None, self._model.num_feature()]}],
            "feature_names": self._model.feature_name()[:_MOST_FEATURE_NAMES],
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
