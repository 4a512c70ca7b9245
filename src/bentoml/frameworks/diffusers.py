"""Pipelines of Hugging Face diffusers."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from bentoml._models.diffusers_directory import INDEX, LIBRARIES, pipeline_class, read_pipeline
from bentoml._models.hub_directory import local_directory, without_progress_bars
from bentoml._models.torch_device import torch_device
from bentoml._util.files import replaced_directory
from bentoml._util.optional import require
from bentoml.exceptions import ArtifactLoadingException, InvalidArgument
from bentoml.service.artifacts.base import FileFormat, ModelArtifact

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typing_extensions import Self

    from bentoml.service.env import BentoServiceEnv


class DiffusersModelArtifact(ModelArtifact):
    """A pipeline in the directory that diffusers writes: `<name>/`, with a directory for each component.

    Weights are safetensors, written and read, and mapped into memory on load. Code in a directory never runs, and names
    of classes in it stand for those of diffusers and transformers, or for one of `custom_classes`.

    Pipelines are loaded onto the chosen device, `BENTOML_DEVICE` or `bento_server.device`, and draw no progress bars.

    Args:
        name: name of the artifact.
        custom_classes: classes of your own that pipelines may be of.
    """

    formats = (FileFormat("safetensors", ("/",)),)

    def __init__(self, name: str, *, custom_classes: Sequence[type] = ()) -> None:
        super().__init__(name)
        self._custom_classes = {kind.__name__: kind for kind in custom_classes}

    def pack(self, pipeline: Any, metadata: dict[str, Any] | None = None) -> Self:  # noqa: ARG002 - kept by the base
        """Take a pipeline, or fetch it.

        Args:
            pipeline: a `diffusers.DiffusionPipeline`; the path of a directory; or the name of one on the hub of Hugging
                Face, which is fetched now.
            metadata: see the base.

        Raises:
            InvalidArgument: it is something else, or could not be loaded again.
            NotFound: the hub has no such pipeline.
            ArtifactLoadingException: the hub cannot be reached, or the directory holds no pipeline that can be loaded.
            MissingDependencyException: diffusers or PyTorch is not installed.
        """
        diffusers = _diffusers()
        if isinstance(pipeline, (str, os.PathLike)):
            directory = local_directory(pipeline, _fetch)
            try:
                self._model = read_pipeline(directory, self._custom_classes, torch_device("cpu"))
            except (OSError, ValueError, LookupError) as error:
                raise ArtifactLoadingException(f"no pipeline can be loaded from {directory}: {error}") from error
            return self
        kind = type(pipeline)
        if not isinstance(pipeline, diffusers.DiffusionPipeline):
            raise InvalidArgument(
                f"DiffusersModelArtifact '{self.name}' takes a diffusers.DiffusionPipeline, the path of a directory, "
                f"or a name on the hub of Hugging Face, got {kind}"
            )
        if pipeline_class(kind.__name__, self._custom_classes) is not kind:
            raise InvalidArgument(
                f"{kind} is not part of diffusers; say that the artifact may make one: "
                f"DiffusersModelArtifact({self.name!r}, custom_classes=[{kind.__name__}])"
            )
        for name, component in pipeline.components.items():
            if type(component).__module__.partition(".")[0] not in {*LIBRARIES, "builtins"}:
                raise InvalidArgument(
                    f"the component {name!r} of '{self.name}' is neither from diffusers nor from transformers, "
                    f"but {type(component)}"
                )
        self._model = pipeline
        return self

    def load(self, path: str) -> Self:
        """Read the pipeline.

        Raises:
            ArtifactLoadingException: a class is not known, weights are no safetensors, or there is no such device.
        """
        _diffusers()
        directory = self._directory(path)
        self._existing(directory / INDEX)
        self._model = read_pipeline(directory, self._custom_classes, torch_device(self.chosen_device()))
        return self

    def save(self, dst: str) -> None:
        """Write the directory."""
        with replaced_directory(self._directory(dst)) as directory, without_progress_bars(_diffusers()):
            self._model.save_pretrained(directory, safe_serialization=True)

    def facts(self) -> dict[str, Any]:
        """Class, version of the library, the components with their classes, and number and type of the parameters."""
        components = {name: part for name, part in self._model.components.items() if part is not None}
        modules = [part for part in components.values() if isinstance(part, require("torch").nn.Module)]
        return {
            **super().facts(),
            "framework": "diffusers",
            "framework_version": _diffusers().__version__,
            "components": {name: type(part).__name__ for name, part in components.items()},
            "parameters": sum(one.numel() for module in modules for one in module.parameters()),
            "dtype": str(self._model.dtype).removeprefix("torch."),
        }

    def set_dependencies(self, env: BentoServiceEnv) -> None:
        """Add diffusers when requirements are inferred, and what the packed pipeline runs on."""
        if not env._infer_pip_packages:
            return
        env.add_pip_packages(["diffusers"])
        if self.is_ready:
            modules = {type(part).__module__.partition(".")[0] for part in self._model.components.values()}
            env.add_pip_packages(["torch", *sorted(modules & {"transformers"})])


def _diffusers() -> Any:
    diffusers = require("diffusers")
    require("torch")
    return diffusers


def _fetch(name: str) -> Any:
    return _diffusers().DiffusionPipeline.download(name, use_safetensors=True, trust_remote_code=False)
