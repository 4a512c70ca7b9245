"""Pipelines of EvalML."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from bentoml._util.files import replaced_file
from bentoml._util.optional import require
from bentoml.exceptions import InvalidArgument
from bentoml.service.artifacts.base import FileFormat, ModelArtifact

if TYPE_CHECKING:
    from typing_extensions import Self

    from bentoml.service.env import BentoServiceEnv


class EvalMLModelArtifact(ModelArtifact):
    """A pipeline in a pickle, `<name>.pkl`: EvalML has no other format."""

    formats = (FileFormat("pickle", (".pkl",), runs_code=True),)

    def pack(self, model: Any, metadata: dict[str, Any] | None = None) -> Self:  # noqa: ARG002 - kept by the base
        """Take an EvalML pipeline.

        Raises:
            InvalidArgument: it is something else.
            MissingDependencyException: EvalML is not installed.
        """
        if not isinstance(model, _pipelines().PipelineBase):
            raise InvalidArgument(f"EvalMLModelArtifact '{self.name}' takes a pipeline of EvalML, got {type(model)}")
        self._model = model
        return self

    def load(self, path: str) -> Self:
        """Read the pipeline back; this runs code that the file names."""
        pipelines = _pipelines()
        self._model = pipelines.PipelineBase.load(str(self._existing(self._file(path))))
        return self

    def save(self, dst: str) -> None:
        """Write the file."""
        with replaced_file(self._file(dst)) as path:
            self._model.save(str(path))

    def set_dependencies(self, env: BentoServiceEnv) -> None:
        """Add EvalML when requirements are inferred, and what it allows newer versions of, but does not work with."""
        if env._infer_pip_packages:
            env.add_pip_packages(["dask", "distributed", "evalml", "pyarrow"])

    def _file(self, directory: str) -> Path:
        return Path(directory) / f"{self.name}.pkl"


def _pipelines() -> Any:
    require("evalml")
    return require("evalml.pipelines")
