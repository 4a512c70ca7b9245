"""Pipelines of spaCy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bentoml._util.files import replaced_directory
from bentoml._util.optional import require
from bentoml.exceptions import InvalidArgument
from bentoml.service.artifacts.base import FileFormat, ModelArtifact

if TYPE_CHECKING:
    from typing_extensions import Self

    from bentoml.service.env import BentoServiceEnv


class SpacyModelArtifact(ModelArtifact):
    """A pipeline in a directory of spaCy's own, `<name>/`: configuration, vocabulary and weights.

    Components and functions of the user's own are found by their registered names, so the module of the service has to
    register them.
    """

    formats = (FileFormat("directory", ("/",)),)

    def pack(self, model: Any, metadata: dict[str, Any] | None = None) -> Self:  # noqa: ARG002 - kept by the base
        """Take a `spacy.Language`.

        Raises:
            InvalidArgument: it is something else.
            MissingDependencyException: spaCy is not installed.
        """
        if not isinstance(model, _spacy().Language):
            raise InvalidArgument(f"SpacyModelArtifact '{self.name}' takes a spacy.Language, got {type(model)}")
        self._model = model
        return self

    def load(self, path: str) -> Self:
        """Read the pipeline."""
        spacy = _spacy()
        directory = self._existing(self._directory(path))
        self._model = spacy.util.load_model_from_path(directory)
        return self

    def save(self, dst: str) -> None:
        """Write the directory."""
        with replaced_directory(self._directory(dst)) as directory:
            self._model.to_disk(directory)

    def facts(self) -> dict[str, Any]:
        """Class, version of the library, language, and the components with the number of weights in each."""
        components = self._model.components
        weights = {
            name: sum(
                node.get_param(key).size for node in model.walk() for key in node.param_names if node.has_param(key)
            )
            for name, component in components
            if (model := getattr(component, "model", None)) is not None
        }
        return {
            **super().facts(),
            "language": self._model.lang,
            "components": [name for name, _ in components],
            "parameters": sum(weights.values()),
        }

    def set_dependencies(self, env: BentoServiceEnv) -> None:
        """Add spaCy when requirements are inferred."""
        if env._infer_pip_packages:
            env.add_pip_packages(["spacy"])


def _spacy() -> Any:
    return require("spacy")
