"""Models of scikit-learn and of libraries that follow its interface."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bentoml._models.estimator_parameters import count_parameters
from bentoml._models.skops_file import UntrustedTypesError, check_types, read_skops, write_skops
from bentoml._util.files import replaced_file
from bentoml._util.optional import require
from bentoml.exceptions import ArtifactLoadingException, InvalidArgument
from bentoml.service.artifacts.base import MOST_FEATURE_NAMES, FileFormat, ModelArtifact

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typing_extensions import Self

    from bentoml.service.env import BentoServiceEnv

_ESTIMATOR_METHODS = ("fit", "predict", "transform")


class SklearnModelArtifact(ModelArtifact):
    """An estimator or pipeline in a joblib file, `<name>.pkl`, or in a file of skops, `<name>.skops`.

    Arrays of a joblib file are mapped into memory read-only on load, so that the processes of a server share them. But
    it is a pickle: reading it runs code that it names. A file of skops runs none, and its arrays are read into memory.

    Args:
        name: name of the artifact.
        format: `joblib` or `skops`.
        trusted_types: full names of types that may be in a file of skops, beside those of scikit-learn and NumPy that
            are known to be harmless, such as `my_package.MyTransformer`.

    Raises:
        InvalidArgument: there is no such format, or types are named for joblib, which would not look at them.
    """

    formats = (FileFormat("joblib", (".pkl",), runs_code=True), FileFormat("skops", (".skops",)))

    def __init__(
        self,
        name: str,
        *,
        format: Literal["joblib", "skops"] = "joblib",  # noqa: A002 - reads well where it is given
        trusted_types: Sequence[str] = (),
    ) -> None:
        super().__init__(name)
        if format not in {"joblib", "skops"}:
            raise InvalidArgument(
                f"format of SklearnModelArtifact '{name}' must be 'joblib' or 'skops', not {format!r}"
            )
        if isinstance(trusted_types, str) or (trusted_types and format == "joblib"):
            raise InvalidArgument(
                f"trusted_types of SklearnModelArtifact '{name}' must be a list of names, and needs format='skops'"
            )
        self._is_skops = format == "skops"
        self._trusted_types = tuple(trusted_types)

    @property
    def carries_pickle(self) -> bool:
        """A joblib file is a pickle, one of skops is not."""
        return not self._is_skops

    def pack(self, sklearn_model: Any, metadata: dict[str, Any] | None = None) -> Self:  # noqa: ARG002 - kept by the base
        """Take an estimator: an object with at least one of `fit`, `predict` and `transform`.

        Raises:
            InvalidArgument: it is something else; or skops cannot write it, or would not trust a type in it.
            MissingDependencyException: scikit-learn is not installed, or skops where that is the format.
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
        if self._is_skops:
            with tempfile.TemporaryDirectory() as directory:
                self._write_skops(sklearn_model, Path(directory, "model.skops"))
        self._model = sklearn_model
        return self

    def load(self, path: str) -> Self:
        """Read the estimator back; from a joblib file this runs code that the file names.

        Raises:
            ArtifactLoadingException: an object in a file of skops is of a type that is not trusted.
        """
        file = self._file(path)
        if not self._is_skops:
            self._model = _joblib().load(file, mmap_mode="r")
            return self
        require("sklearn", "scikit-learn")
        try:
            self._model = read_skops(file, self._trusted_types)
        except UntrustedTypesError as error:
            raise ArtifactLoadingException(
                f"SklearnModelArtifact '{self.name}': {file} has objects of types that are not trusted: {error}"
            ) from error
        return self

    def save(self, dst: str) -> None:
        """Write the file."""
        with replaced_file(self._file(dst)) as path:
            if self._is_skops:
                self._write_skops(self._model, path)
            else:
                _joblib().dump(self._model, path)

    def _write_skops(self, model: Any, path: Path) -> None:
        """Write a file of skops that can be loaded again."""
        try:
            write_skops(model, path)
            check_types(path, self._trusted_types)
        except UntrustedTypesError as error:
            raise InvalidArgument(
                f"SklearnModelArtifact '{self.name}' would not load again: skops does not trust {error}; when it is "
                f"harmless to make such objects from a file, say so: trusted_types={error.names!r}"
            ) from error
        except TypeError as error:
            raise InvalidArgument(
                f"SklearnModelArtifact '{self.name}': {error} Give format='joblib', which writes a pickle"
            ) from error

    def facts(self) -> dict[str, Any]:
        """Class, version of the library, the features that the estimator was fitted with, and its parameters."""
        facts = super().facts()
        features = getattr(self._model, "n_features_in_", None)
        if isinstance(features, int):
            facts["input_signature"] = [{"name": None, "dtype": None, "shape": [None, features]}]
        names = getattr(self._model, "feature_names_in_", None)
        if names is not None:
            facts["feature_names"] = [str(name) for name in names[:MOST_FEATURE_NAMES]]
        parameters = count_parameters(self._model)
        if parameters is not None:
            facts["parameters"] = parameters
        return facts

    def set_dependencies(self, env: BentoServiceEnv) -> None:
        """Add scikit-learn, and skops where that is the format, when requirements are inferred."""
        if env._infer_pip_packages:
            env.add_pip_packages(["scikit-learn", "skops"] if self._is_skops else ["scikit-learn"])

    def _file(self, directory: str) -> Path:
        return Path(directory) / f"{self.name}.{'skops' if self._is_skops else 'pkl'}"


def _joblib() -> Any:
    require("sklearn", "scikit-learn")
    return require("joblib")
