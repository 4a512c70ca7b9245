"""Models of fastText."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bentoml._util.files import replaced_file
from bentoml._util.optional import installed_distribution, require
from bentoml.exceptions import InvalidArgument
from bentoml.service.artifacts.base import FileFormat, ModelArtifact

if TYPE_CHECKING:
    from typing_extensions import Self

    from bentoml.service.env import BentoServiceEnv

# All of them bring the module `fasttext`. The last one is Facebook's own, which is archived and fails with NumPy 2.
_DISTRIBUTIONS = ("fasttext-community", "fasttext-wheel", "fasttext")


class FasttextModelArtifact(ModelArtifact):
    """A model in fastText's own binary file, `<name>`, which holds no code."""

    formats = (FileFormat("binary", ("",)),)

    def pack(self, model: Any, metadata: dict[str, Any] | None = None) -> Self:  # noqa: ARG002 - kept by the base
        """Take a model as `fasttext.train_supervised`, `train_unsupervised` and `load_model` return it.

        Raises:
            InvalidArgument: it is something else.
            MissingDependencyException: fastText is not installed.
        """
        if not isinstance(model, _fasttext().FastText._FastText):
            raise InvalidArgument(f"FasttextModelArtifact '{self.name}' takes a model of fastText, got {type(model)}")
        self._model = model
        return self

    def load(self, path: str) -> Self:
        """Read the model."""
        fasttext = _fasttext()
        file = self._existing(self._file(path))
        self._model = fasttext.load_model(str(file))
        return self

    def save(self, dst: str) -> None:
        """Write the file."""
        with replaced_file(self._file(dst)) as path:
            self._model.save_model(str(path))

    def facts(self) -> dict[str, Any]:
        """Class, version of the library, kind of model, dimension of its vectors, and number of words and labels."""
        kind = self._model.f.getArgs().model.name
        facts = {
            **super().facts(),
            "framework": "fasttext",
            "framework_version": importlib.metadata.version(installed_distribution(*_DISTRIBUTIONS)),
            "kind": kind,
            "dimension": self._model.get_dimension(),
            "words": len(self._model.get_words()),
        }
        if kind == "supervised":
            facts["labels"] = len(self._model.get_labels())
        return facts

    def set_dependencies(self, env: BentoServiceEnv) -> None:
        """Add fastText when requirements are inferred."""
        if env._infer_pip_packages:
            env.add_pip_packages([installed_distribution(*_DISTRIBUTIONS)])

    def _file(self, directory: str) -> Path:
        return Path(directory) / self.name


def _fasttext() -> Any:
    return require("fasttext", _DISTRIBUTIONS[0])
