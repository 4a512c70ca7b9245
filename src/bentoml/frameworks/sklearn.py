"""Models of scikit-learn and of libraries that follow its interface."""

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
_ESTIMATOR_METHODS = ("fit", "predict", "transform")


class SklearnModelArtifact(BentoServiceArtifact):
    """An estimator or pipeline in a joblib file, `<name>.pkl`.

    Its arrays are mapped into memory read-only on load, so that the processes of a server share them.
    """

    carries_pickle = True

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._model: Any = None

    def pack(self, sklearn_model: Any, metadata: dict[str, Any] | None = None) -> Self:  # noqa: ARG002 - kept by the base
        """Take an estimator: an object with at least one of `fit`, `predict` and `transform`.

        Raises:
            InvalidArgument: it is something else.
            MissingDependencyException: scikit-learn is not installed.
        """
        _joblib()
        if isinstance(sklearn_model, type) or not any(
            callable(getattr(sklearn_model, method, None)) for method in _ESTIMATOR_METHODS
        ):
            raise InvalidArgument(
                f"SklearnModelArtifact '{self.name}' takes a fitted estimator or pipeline, "
                f"got {sklearn_model if isinstance(sklearn_model, type) else type(sklearn_model)}; "
                "for other objects use PickleArtifact"
            )
        self._model = sklearn_model
        return self

    def load(self, path: str) -> Self:
        """Read the estimator back; this runs code that the file names."""
        self._model = _joblib().load(self._file(path), mmap_mode="r")
        return self

    def save(self, dst: str) -> None:
        """Write the file."""
        with replaced_file(self._file(dst)) as path:
            _joblib().dump(self._model, path)

    def get(self) -> Any:
        """The estimator."""
        return self._model

    def facts(self) -> dict[str, Any]:
        """Class, version of the library, and the features that the estimator was fitted with."""
        facts = super().facts()
        features = getattr(self._model, "n_features_in_", None)
        if isinstance(features, int):
            facts["input_signature"] = [{"name": None, "dtype": None, "shape": [None, features]}]
        names = getattr(self._model, "feature_names_in_", None)
        if names is not None:
            facts["feature_names"] = [str(name) for name in names[:_MOST_FEATURE_NAMES]]
        return facts

    def set_dependencies(self, env: BentoServiceEnv) -> None:
        """Add scikit-learn when requirements are inferred."""
        if env._infer_pip_packages:
            env.add_pip_packages(["scikit-learn"])

    def _file(self, directory: str) -> Path:
        return Path(directory) / f"{self.name}.pkl"


def _joblib() -> Any:
    require("sklearn", "scikit-learn")
    return require("joblib")
