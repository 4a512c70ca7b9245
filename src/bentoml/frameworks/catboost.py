"""Models of CatBoost."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from bentoml._util.files import replaced_file, write_atomic
from bentoml._util.optional import require
from bentoml.exceptions import ArtifactLoadingException, InvalidArgument
from bentoml.service.artifacts.base import MOST_FEATURE_NAMES, FileFormat, ModelArtifact

if TYPE_CHECKING:
    from typing_extensions import Self

    from bentoml.service.env import BentoServiceEnv

# The file of a model does not say which one it was; their methods `predict` give different things.
_CLASSES = ("CatBoostClassifier", "CatBoostRegressor", "CatBoostRanker", "CatBoost")


class CatBoostModelArtifact(ModelArtifact):
    """A model in CatBoost's own binary file, `<name>.cbm`, which holds no code.

    `<name>_model_type.txt` has the name of its class, which is one of CatBoost's: an instance of a class that derives
    from one of them comes back as that.
    """

    formats = (FileFormat("binary", (".cbm", "_model_type.txt")),)

    def pack(self, model: Any, metadata: dict[str, Any] | None = None) -> Self:  # noqa: ARG002 - kept by the base
        """Take a trained `catboost.CatBoost`: a classifier, regressor, ranker or plain one.

        Raises:
            InvalidArgument: it is something else, or has not been trained.
            MissingDependencyException: CatBoost is not installed.
        """
        if not isinstance(model, _catboost().CatBoost):
            raise InvalidArgument(f"CatBoostModelArtifact '{self.name}' takes a catboost.CatBoost, got {type(model)}")
        if not model.is_fitted():
            raise InvalidArgument(f"CatBoostModelArtifact '{self.name}' takes a trained model; call its fit first")
        self._model = model
        return self

    def load(self, path: str) -> Self:
        """Read the model.

        Raises:
            ArtifactLoadingException: the class is none of CatBoost's.
        """
        catboost = _catboost()
        file = self._existing(self._file(path))
        kind = self._kind_file(path).read_text(encoding="utf-8").strip()
        if kind not in _CLASSES:
            raise ArtifactLoadingException(
                f"artifact '{self.name}': {self._kind_file(path)} names {kind[:80]!r}, which is none of "
                f"{', '.join(_CLASSES)}"
            )
        model = getattr(catboost, kind)()
        model.load_model(str(file))
        self._model = model
        return self

    def save(self, dst: str) -> None:
        """Write the files."""
        with replaced_file(self._file(dst)) as path:
            self._model.save_model(str(path), format="cbm")
        catboost = _catboost()
        kind = next(name for name in _CLASSES if isinstance(self._model, getattr(catboost, name)))
        write_atomic(self._kind_file(dst), f"{kind}\n")

    def facts(self) -> dict[str, Any]:
        """Class, version of the library, number of trees and of values in their leaves, and the features."""
        names = self._model.feature_names_
        return {
            **super().facts(),
            "input_signature": [{"name": None, "dtype": None, "shape": [None, len(names)]}],
            "feature_names": list(names[:MOST_FEATURE_NAMES]),
            "parameters": int(self._model.get_leaf_values().size),
            "trees": self._model.tree_count_,
        }

    def set_dependencies(self, env: BentoServiceEnv) -> None:
        """Add CatBoost when requirements are inferred."""
        if env._infer_pip_packages:
            env.add_pip_packages(["catboost"])

    def _file(self, directory: str) -> Path:
        return Path(directory) / f"{self.name}.cbm"

    def _kind_file(self, directory: str) -> Path:
        return Path(directory) / f"{self.name}_model_type.txt"


def _catboost() -> Any:
    return require("catboost")
