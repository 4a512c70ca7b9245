"""Learners of fastai 2."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bentoml._models.torch_device import torch_device
from bentoml._util.files import replaced_file
from bentoml._util.optional import require
from bentoml.exceptions import InvalidArgument
from bentoml.service.artifacts.base import MOST_FEATURE_NAMES, FileFormat, ModelArtifact

if TYPE_CHECKING:
    from typing_extensions import Self

    from bentoml.service.env import BentoServiceEnv

_DERIVED = "_na"  # ends the name of a column that fastai adds: whether the value was missing


class FastaiModelArtifact(ModelArtifact):
    """A `Learner` in the pickle that fastai exports, `<name>.pkl`: its model and what makes tensors of items.

    The data that it was trained on and the state of the optimizer are not in it. It is loaded onto the chosen device
    (`BENTOML_DEVICE`, or `bento_server.device`), in inference mode, and without a progress bar.
    """

    formats = (FileFormat("pickle", (".pkl",), runs_code=True),)

    def pack(self, model: Any, metadata: dict[str, Any] | None = None) -> Self:  # noqa: ARG002 - kept by the base
        """Take a `fastai.learner.Learner`.

        Raises:
            InvalidArgument: it is something else.
            MissingDependencyException: fastai is not installed.
        """
        if not isinstance(model, _learners().Learner):
            raise InvalidArgument(
                f"FastaiModelArtifact '{self.name}' takes a Learner of fastai 2, got {type(model)}; "
                "a module of PyTorch alone belongs into a PytorchModelArtifact"
            )
        self._model = model
        return self

    def load(self, path: str) -> Self:
        """Read the learner back; this runs code that the file names.

        Raises:
            ArtifactLoadingException: this machine does not have the chosen device.
        """
        learners = _learners()
        file = self._existing(self._file(path))
        device = torch_device(self.chosen_device())
        with warnings.catch_warnings():
            # Every time, that it is a pickle: the manifest says so, and who does not want any has not come here.
            warnings.filterwarnings("ignore", "load_learner", UserWarning)
            learner = learners.load_learner(file, cpu=device.type == "cpu")
        learner.model.to(device).eval()
        learner.dls.to(device)
        if hasattr(learner, "progress"):  # it would write to the output of the server with every call
            learner.remove_cb(learner.progress)
        self._model = learner
        return self

    def save(self, dst: str) -> None:
        """Write the file; the learner stays as it is, with its data and its optimizer.

        Raises:
            InvalidArgument: something in the learner can not be pickled, or fastai can not take the data out of it.
        """
        learner, unpicklable = self._model, require("pickle").PicklingError
        data, optimizer = learner.dls, learner.opt  # export takes them away, and gives back neither when it fails
        with replaced_file(self._file(dst)) as path:
            try:
                learner.export(path.absolute(), pickle_module=require("cloudpickle"))
            except (TypeError, AttributeError, unpicklable) as error:
                raise InvalidArgument(
                    f"fastai can not export the Learner in artifact '{self.name}': {error}; take out what can not be "
                    "pickled, a callback with learn.remove_cb(...), and make its data by a DataBlock or Datasets"
                ) from error
            finally:
                learner.dls, learner.opt = data, optimizer

    def facts(self) -> dict[str, Any]:
        """Class, version of the library, number of weights, and the columns where it was trained on a table."""
        facts = {
            **super().facts(),
            "parameters": sum(parameter.numel() for parameter in self._model.model.parameters()),
        }
        columns = _columns(self._model.dls)
        if columns:
            facts["feature_names"] = columns[:MOST_FEATURE_NAMES]
        return facts

    def set_dependencies(self, env: BentoServiceEnv) -> None:
        """Add PyTorch, fastcore and fastai when requirements are inferred."""
        if env._infer_pip_packages:
            env.add_pip_packages(["torch", "fastcore", "fastai"])

    def _file(self, directory: str) -> Path:
        return Path(directory) / f"{self.name}.pkl"


def _learners() -> Any:
    require("fastai")
    return require("fastai.learner")


def _columns(data: Any) -> list[str]:
    """What a row of a table has to have; nothing for data of other kinds."""
    numbers = [str(name) for name in getattr(data, "cont_names", ())]
    names = [str(name) for name in getattr(data, "cat_names", ())]
    return [name for name in names if name.removesuffix(_DERIVED) not in numbers] + numbers
