"""Models of H2O."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bentoml._util.files import replaced_file
from bentoml._util.optional import require
from bentoml.exceptions import InvalidArgument
from bentoml.service.artifacts.base import FileFormat, ModelArtifact

if TYPE_CHECKING:
    from typing_extensions import Self

    from bentoml.service.env import BentoServiceEnv


class H2oModelArtifact(ModelArtifact):
    """A model in H2O's own binary file, `<name>`.

    Only the version of H2O that wrote the file reads it. The file holds objects of Java, and so counts as a pickle.

    H2O runs models in a server of its own, written in Java. Where this process is not connected to one when a model is
    loaded, `h2o.init()` connects it to the one on this machine, which is started if need be and outlives the process
    where that is killed. The server is given the file itself, so it may run elsewhere.
    """

    formats = (FileFormat("objects of Java", ("",), runs_code=True),)

    def pack(self, model: Any, metadata: dict[str, Any] | None = None) -> Self:  # noqa: ARG002 - kept by the base
        """Take a trained model.

        Raises:
            InvalidArgument: it is something else.
            MissingDependencyException: H2O is not installed.
        """
        _h2o()
        if not isinstance(model, require("h2o.model").ModelBase) or model.model_id is None:
            raise InvalidArgument(f"H2oModelArtifact '{self.name}' takes a trained model of H2O, got {type(model)}")
        self._model = model
        return self

    def load(self, path: str) -> Self:
        """Give the model to the server."""
        h2o = _h2o()
        file = self._existing(self._file(path))
        if h2o.connection() is None or not h2o.connection().connected:
            h2o.init(verbose=False)
        self._model = h2o.upload_model(str(file))
        return self

    def save(self, dst: str) -> None:
        """Fetch the file from the server."""
        with tempfile.TemporaryDirectory() as scratch, replaced_file(self._file(dst)) as path:
            shutil.copyfile(self._model.download_model(scratch), path)

    def facts(self) -> dict[str, Any]:
        """Class, version of the library, and the algorithm."""
        return {**super().facts(), "algorithm": self._model.algo}

    def set_dependencies(self, env: BentoServiceEnv) -> None:
        """Add H2O, and the Java that it runs in."""
        env.add_pip_packages(["h2o"])
        env.add_conda_dependencies(["openjdk"])

    def _file(self, directory: str) -> Path:
        return Path(directory) / self.name


def _h2o() -> Any:
    return require("h2o")
