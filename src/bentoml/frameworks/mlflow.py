"""Models that MLflow has logged."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from bentoml._util.files import replaced_directory
from bentoml._util.optional import installed_distribution, require
from bentoml.exceptions import InvalidArgument
from bentoml.service.artifacts.base import FileFormat, ModelArtifact

if TYPE_CHECKING:
    from typing_extensions import Self

    from bentoml.service.env import BentoServiceEnv

_DISTRIBUTIONS = ("mlflow", "mlflow-skinny")
_DESCRIPTION = "MLmodel"
# Flavors whose files hold no code, and the classes that MLflow makes for their files without unpickling any.
_PLAIN_CLASSES = {
    "catboost": r"",  # it takes CatBoost's own only
    "lightgbm": r"lightgbm\.basic\.Booster",
    "xgboost": r"xgboost\.(core|sklearn)\.\w+",
}


class MLflowModelArtifact(ModelArtifact):
    """A model in a directory that MLflow has logged or saved, copied to `<name>/`.

    The service gets it as an `mlflow.pyfunc.PyFuncModel`, whatever library it is from.
    """

    formats = (FileFormat("what was logged", ("/",), runs_code="it is other than a booster"),)

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._copies = [Path()]

    @property
    def carries_pickle(self) -> bool:
        """Whether loading the directory may run code in it: it does not for boosters in their own formats."""
        return _may_run_code(self._source)

    def has_pickle_in(self, directory: str) -> bool:
        """The same for files that have not been loaded."""
        return _may_run_code(self._directory(directory))

    def pack(self, path: str | os.PathLike[str], metadata: dict[str, Any] | None = None) -> Self:  # noqa: ARG002 - kept by the base
        """Take the path of a directory with a file `MLmodel`, and load it.

        A model elsewhere is fetched first: `mlflow.artifacts.download_artifacts("models:/name/1")` gives such a path.

        Raises:
            InvalidArgument: it is something else, or a model without the flavor `python_function`.
            MissingDependencyException: MLflow is not installed.
        """
        mlflow = _mlflow()
        if not isinstance(path, (str, os.PathLike)) or not (Path(path) / _DESCRIPTION).is_file():
            raise InvalidArgument(
                f"MLflowModelArtifact '{self.name}' takes the path of a directory with a file {_DESCRIPTION}, "
                f"got {path!r}; models elsewhere are fetched by mlflow.artifacts.download_artifacts"
            )
        source = Path(path).resolve()
        if "python_function" not in _flavors(source):
            raise InvalidArgument(f"the model in {path} has no flavor python_function, and can not be served")
        self._model = mlflow.load_model(str(source))
        self._copies = [source]
        return self

    def load(self, path: str) -> Self:
        """Read the model; where it carries pickles, this runs code that they name."""
        directory = self._directory(path)
        self._existing(directory / _DESCRIPTION)
        self._model = _mlflow().load_model(str(directory))
        self._copies = [directory]
        return self

    def save(self, dst: str) -> None:
        """Copy the directory."""
        with replaced_directory(self._directory(dst)) as directory:
            shutil.copytree(self._source, directory, dirs_exist_ok=True)
        self._copies.append(self._directory(dst))

    def facts(self) -> dict[str, Any]:
        """Class, version of MLflow, the flavors of the model, and the signature that was logged with it."""
        facts = {**super().facts(), "flavors": sorted(_flavors(self._source).keys() - {"python_function"})}
        signature = self._model.metadata.signature
        if signature is not None and signature.inputs is not None:
            facts["input_signature"] = [_described(column) for column in signature.inputs.to_dict()]
        return facts

    def set_dependencies(self, env: BentoServiceEnv) -> None:
        """Add MLflow when requirements are inferred, and what was logged as the model's own requirements."""
        if not env._infer_pip_packages:
            return
        env.add_pip_packages([installed_distribution(*_DISTRIBUTIONS)])
        if self.is_ready:
            env.add_pip_packages(_logged_requirements(self._source))

    @property
    def _source(self) -> Path:
        """The logged directory; or where it was saved to, when it has been deleted since."""
        return next((copy for copy in self._copies if (copy / _DESCRIPTION).is_file()), self._copies[0])


def _mlflow() -> Any:
    require("mlflow")
    return require("mlflow.pyfunc")


def _flavors(directory: Path) -> dict[str, Any]:
    """What is written of a model, by flavor; nothing when the file is not as MLflow writes it."""
    try:
        described = yaml.safe_load((directory / _DESCRIPTION).read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError):
        return {}
    flavors = described.get("flavors") if isinstance(described, dict) else None
    return flavors if isinstance(flavors, dict) else {}


def _may_run_code(directory: Path) -> bool:
    flavors = _flavors(directory)
    function = flavors.get("python_function")
    if not isinstance(function, dict):
        return True
    flavor = str(function.get("loader_module")).removeprefix("mlflow.")
    details = flavors.get(flavor)
    if flavor not in _PLAIN_CLASSES or not isinstance(details, dict):
        return True
    if function.get("code") or details.get("code"):  # directories of modules that are imported from
        return True
    return re.fullmatch(_PLAIN_CLASSES[flavor], str(details.get("model_class", ""))) is None


def _logged_requirements(directory: Path) -> list[str]:
    """The lines that name distributions, less MLflow, which this process has its own requirement for."""
    file = directory / "requirements.txt"
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    named = [line.strip() for line in lines if re.match(r"\s*[A-Za-z0-9]", line)]
    return [line for line in named if re.split(r"[^\w-]", line)[0].lower() not in _DISTRIBUTIONS]


def _described(column: dict[str, Any]) -> dict[str, Any]:
    """A column of a table, or a tensor, of MLflow's signatures."""
    tensor = column.get("tensor-spec")
    if tensor is None:
        return {"name": column.get("name"), "dtype": str(column["type"]), "shape": [None]}
    shape = [None if size == -1 else size for size in tensor["shape"]]
    return {"name": column.get("name"), "dtype": tensor["dtype"], "shape": shape}
