"""Models and pipelines of Hugging Face transformers."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from bentoml._models.hub_directory import fetch_model, local_directory, weight_files
from bentoml._models.pipeline_settings import settings_of
from bentoml._models.pretrained_classes import PretrainedClasses
from bentoml._models.pretrained_parts import ROLES, parts_of, read_parts, write_parts
from bentoml._models.torch_device import torch_device
from bentoml._util.files import replaced_directory
from bentoml._util.optional import require
from bentoml.exceptions import ArtifactLoadingException, InvalidArgument
from bentoml.service.artifacts.base import FileFormat, ModelArtifact

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from typing_extensions import Self

    from bentoml.service.env import BentoServiceEnv

# Of tokenizers that have no limit, transformers says a number of 31 digits.
_NO_LIMIT = 10**9
# Backends of tokenizers and processors that are distributions of their own.
_BACKENDS = ("sentencepiece", "torchvision")


class TransformersModelArtifact(ModelArtifact):
    """A model with its tokenizer or processor, or a pipeline, in the directory that transformers writes: `<name>/`.

    Weights are written as safetensors, and mapped into memory on load. A directory of older versions that has them as
    `pytorch_model.bin` is read with an unpickler that knows tensors only. Code in a directory never runs, and a name of
    a class in it stands for one of transformers itself, or for one of `custom_classes`.

    Models are loaded in `eval()` mode, onto the chosen device: `BENTOML_DEVICE`, or `bento_server.device`.

    Args:
        name: name of the artifact.
        custom_classes: classes of your own that models, tokenizers, processors or pipelines may be of.
    """

    formats = (FileFormat("safetensors", ("/",)),)

    def __init__(self, name: str, *, custom_classes: Sequence[type] = ()) -> None:
        super().__init__(name)
        self._classes = PretrainedClasses(custom_classes)

    def has_pickle_in(self, directory: str) -> bool:
        """Whether weights would be read from files that are none of safetensors."""
        return any(not name.endswith(".safetensors") for name in weight_files(self._directory(directory)))

    def pack(self, model: Any, metadata: dict[str, Any] | None = None) -> Self:  # noqa: ARG002 - kept by the base
        """Take a model with what it needs, or fetch it.

        Args:
            model: a dict with `model` and at least one of `tokenizer`, `processor`, `image_processor` and
                `feature_extractor`; a `transformers.Pipeline`; the path of a directory; or the name of a model on the
                hub, which is fetched now.
            metadata: see the base.

        Raises:
            InvalidArgument: it is something else, or could not be loaded again.
            NotFound: the hub has no such model.
            ArtifactLoadingException: the hub cannot be reached, or the directory holds no model that can be loaded.
            MissingDependencyException: transformers or PyTorch is not installed.
        """
        transformers = _transformers()
        if isinstance(model, (str, os.PathLike)):
            self._model = self._read_elsewhere(local_directory(model, fetch_model))
            return self
        if isinstance(model, transformers.Pipeline):
            self._check_pipeline(model)
        elif not isinstance(model, dict):
            raise InvalidArgument(
                f"TransformersModelArtifact '{self.name}' takes a dict with a model and its tokenizer or processor, a "
                f"pipeline, the path of a directory, or a name on the hub of Hugging Face, got {type(model)}"
            )
        self._check_parts(parts_of(model))
        self._model = model
        return self

    def load(self, path: str) -> Self:
        """Read the dict, or the pipeline.

        Raises:
            ArtifactLoadingException: a class is not known, weights are missing, or there is no such device.
        """
        _transformers()
        directory = self._directory(path)
        self._existing(directory / "config.json")
        self._model = read_parts(directory, self._classes, torch_device(self.chosen_device()))
        return self

    def save(self, dst: str) -> None:
        """Write the directory."""
        with replaced_directory(self._directory(dst)) as directory:
            write_parts(self._model, directory)

    def facts(self) -> dict[str, Any]:
        """Class, version of the library, task of a pipeline; size, vocabulary and type of numbers of the model."""
        parts = parts_of(self._model)
        model, tokenizer = parts["model"], parts.get("tokenizer")
        is_pipeline = not isinstance(self._model, dict)
        kind = type(self._model if is_pipeline else model)
        facts = {
            "class": f"{kind.__module__}.{kind.__qualname__}",
            "framework": "transformers",
            "framework_version": _transformers().__version__,
            "architecture": type(model).__name__,
            "parameters": model.num_parameters(),
            "dtype": str(model.dtype).removeprefix("torch."),
        }
        if is_pipeline:
            facts["task"] = self._model.task
        longest = getattr(model.config, "max_position_embeddings", None)
        if tokenizer is not None:
            facts["vocabulary_size"] = len(tokenizer)
            longest = tokenizer.model_max_length if tokenizer.model_max_length < _NO_LIMIT else longest
            facts["input_signature"] = [
                {"name": name, "dtype": "int64", "shape": [None, None]} for name in tokenizer.model_input_names
            ]
        if isinstance(longest, int):
            facts["max_length"] = longest
        return facts

    def set_dependencies(self, env: BentoServiceEnv) -> None:
        """Add transformers when requirements are inferred, and what the packed model and its parts run on."""
        if not env._infer_pip_packages:
            return
        env.add_pip_packages(["transformers"])
        if self.is_ready:
            backends = {getattr(part, "backend", None) for part in parts_of(self._model).values()}
            env.add_pip_packages(["torch", *(name for name in _BACKENDS if name in backends)])

    def _check_pipeline(self, pipeline: Any) -> None:
        self._check_class(pipeline, _transformers().Pipeline)
        try:
            settings_of(pipeline)
        except ValueError as error:
            raise InvalidArgument(
                f"TransformersModelArtifact '{self.name}' cannot keep a setting of the pipeline: {error}; "
                "make the pipeline without it, and give it with each call"
            ) from error
        if getattr(pipeline, "assistant_model", None) is not None:
            raise InvalidArgument(f"TransformersModelArtifact '{self.name}' cannot keep a pipeline's assistant model")

    def _check_parts(self, parts: dict[str, Any]) -> None:
        transformers = _transformers()
        if "model" not in parts or not parts.keys() <= {"model", *ROLES} or len(parts) == 1:
            raise InvalidArgument(
                f"TransformersModelArtifact '{self.name}' takes a dict with the keys 'model' and one or more of "
                f"{', '.join(ROLES)}, got {sorted(map(str, parts))}"
            )
        if {"image_processor", "feature_extractor"} <= parts.keys():
            raise InvalidArgument(
                f"TransformersModelArtifact '{self.name}': image_processor and feature_extractor are written to the "
                "same file; pack the processor that has both"
            )
        self._check_class(parts["model"], transformers.PreTrainedModel)
        if getattr(parts["model"], "_hf_peft_config_loaded", False):
            raise InvalidArgument(f"the model of '{self.name}' has adapters: merge them into it before it is packed")
        for role, base in ROLES.items():
            if role in parts:
                self._check_class(parts[role], getattr(transformers, base))

    def _check_class(self, part: Any, base: type) -> None:
        """Refuse what `load` would not make again."""
        kind = type(part)
        if not isinstance(part, base):
            raise InvalidArgument(f"TransformersModelArtifact '{self.name}' takes a {base.__name__}, got {kind}")
        if not self._classes.knows(kind):
            raise InvalidArgument(
                f"{kind} is not part of transformers; say that the artifact may make one: "
                f"TransformersModelArtifact({self.name!r}, custom_classes=[{kind.__name__}])"
            )

    def _read_elsewhere(self, directory: Path) -> Any:
        """Read what others have written, onto the processor."""
        try:
            model = read_parts(directory, self._classes, torch_device("cpu"))
        except (OSError, ValueError, LookupError) as error:
            raise ArtifactLoadingException(f"no model can be loaded from {directory}: {error}") from error
        self._check_parts(parts_of(model))
        return model


def _transformers() -> Any:
    transformers = require("transformers")
    require("torch")
    return transformers
