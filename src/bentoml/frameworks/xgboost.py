"""Models of XGBoost."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from bentoml._models.ubjson_file import DamagedModelError, check_booster
from bentoml._util.files import write_atomic
from bentoml._util.optional import installed_distribution, require
from bentoml.exceptions import ArtifactLoadingException, InvalidArgument
from bentoml.service.artifacts.base import MOST_FEATURE_NAMES, FileFormat, ModelArtifact

if TYPE_CHECKING:
    from typing_extensions import Self

    from bentoml.service.env import BentoServiceEnv

_UBJSON = b"{L"  # JSON has a quotation mark there, or white space


class XgboostModelArtifact(ModelArtifact):
    """A booster in a file of XGBoost's own, `<name>.model`: Universal Binary JSON, which holds no code.

    Files of JSON, and those in the older binary format where the installed XGBoost still knows it (before 3.1), are
    read, too. The model is loaded for the chosen device: `BENTOML_DEVICE`, or `bento_server.device`.
    """

    formats = (FileFormat("UBJSON", (".model",)),)

    def pack(self, model: Any, metadata: dict[str, Any] | None = None) -> Self:  # noqa: ARG002 - kept by the base
        """Take an `xgboost.Booster`.

        Raises:
            InvalidArgument: it is something else.
            MissingDependencyException: XGBoost is not installed.
        """
        if not isinstance(model, _xgboost().Booster):
            hint = "; pack model.get_booster()" if hasattr(model, "get_booster") else ""
            raise InvalidArgument(
                f"XgboostModelArtifact '{self.name}' takes an xgboost.Booster, got {type(model)}{hint}"
            )
        self._model = model
        return self

    def load(self, path: str) -> Self:
        """Read the booster.

        Raises:
            ArtifactLoadingException: the file is empty or damaged, or the installed XGBoost does not know its format.
        """
        xgboost = _xgboost()
        file = self._file(path)
        content = bytearray(file.read_bytes())  # not by name: by that, XGBoost guesses the format
        if not content:  # XGBoost would end the process
            raise ArtifactLoadingException(f"artifact '{self.name}': {file} is empty; save the service again")
        if content.startswith(_UBJSON):
            try:
                check_booster(content)
            except DamagedModelError as error:
                raise ArtifactLoadingException(
                    f"artifact '{self.name}': {file} is damaged: {error}; save the service again"
                ) from error
        booster = xgboost.Booster()
        try:
            booster.load_model(content)
        except xgboost.core.XGBoostError as error:
            if content.startswith(b"{"):
                raise
            raise ArtifactLoadingException(
                f"artifact '{self.name}': XGBoost {xgboost.__version__} can not read {file}, which is neither UBJSON "
                "nor JSON; if it is a model in the binary format of XGBoost before 2.1, install 'xgboost<3.1', "
                "load it and save the service again"
            ) from error
        booster.set_param({"device": self.chosen_device()})
        self._model = booster
        return self

    def save(self, dst: str) -> None:
        """Write the file."""
        write_atomic(self._file(dst), self._model.save_raw(raw_format="ubj"))

    def facts(self) -> dict[str, Any]:
        """Class, version of the library, number of boosting rounds, and the features."""
        features = self._model.num_features()
        facts = {
            **super().facts(),
            "input_signature": [{"name": None, "dtype": "float32", "shape": [None, features]}],
            "boosting_rounds": self._model.num_boosted_rounds(),
        }
        if self._model.feature_names is not None:
            facts["feature_names"] = list(self._model.feature_names[:MOST_FEATURE_NAMES])
        return facts

    def set_dependencies(self, env: BentoServiceEnv) -> None:
        """Add XGBoost when requirements are inferred."""
        if env._infer_pip_packages:
            env.add_pip_packages([installed_distribution("xgboost", "xgboost-cpu")])

    def _file(self, directory: str) -> Path:
        return Path(directory) / f"{self.name}.model"


def _xgboost() -> Any:
    return require("xgboost")
