"""A model of transformers with what prepares its inputs, or a pipeline of them, in a directory.

To what transformers writes come files with the names of classes: `_model_type.txt`, `tokenizer_type.txt` and so on; a
pipeline has `pipeline.json`, too. A directory without them, from elsewhere, is read as well.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from bentoml._models.hub_directory import read_object, refuse_adapters, weight_files, without_progress_bars
from bentoml._models.pipeline_settings import set_settings, settings_of
from bentoml._util.optional import require
from bentoml.exceptions import ArtifactLoadingException

if TYPE_CHECKING:
    from pathlib import Path

    from bentoml._models.pretrained_classes import PretrainedClasses

# What prepares inputs for a model, by its key beside `model`, and the base class in transformers that it has.
ROLES = {
    "tokenizer": "PreTrainedTokenizerBase",
    "processor": "ProcessorMixin",
    "image_processor": "ImageProcessingMixin",
    "feature_extractor": "FeatureExtractionMixin",
}
_MODEL_TYPE = "_model_type.txt"
_PIPELINE = "pipeline.json"
# Files that show that a directory from elsewhere has a tokenizer.
_TOKENIZERS = ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "vocab.json", "*.model")
# What transformers 5 forgets of a tokenizer where it was set after the tokenizer was made.
_TOKENIZER_SETTINGS = ("padding_side", "truncation_side", "model_input_names", "clean_up_tokenization_spaces")
_HERE_WITHOUT_CODE = {"local_files_only": True, "trust_remote_code": False}


def parts_of(model: Any) -> dict[str, Any]:
    """The model and what prepares its inputs, by role; the model is first.

    Args:
        model: a dict of them, or a pipeline, of which nothing is given that is a part of its processor.
    """
    if isinstance(model, dict):
        return {role: part for role, part in model.items() if part is not None}
    parts = {role: part for role in ("model", *ROLES) if (part := getattr(model, role, None)) is not None}
    processor = parts.get("processor")
    return {
        role: part
        for role, part in parts.items()
        if role in {"model", "processor"} or getattr(processor, role, None) is not part
    }


def write_parts(model: Any, directory: Path) -> None:
    """Write a dict of parts, or a pipeline, into an empty directory."""
    parts = parts_of(model)
    with without_progress_bars(require("transformers")):
        for role, part in parts.items():
            part.save_pretrained(directory)
            _type_file(directory, role).write_text(type(part).__name__, encoding="utf-8")
    _write_tokenizer_settings(parts.get("tokenizer", getattr(parts.get("processor"), "tokenizer", None)), directory)
    if isinstance(model, dict):
        return
    described = {"class": type(model).__name__, "task": model.task, "settings": settings_of(model)}
    (directory / _PIPELINE).write_text(json.dumps(described, indent=1), encoding="utf-8")


def _write_tokenizer_settings(tokenizer: Any, directory: Path) -> None:
    file = directory / "tokenizer_config.json"
    if tokenizer is None or not file.is_file():
        return
    settings = {name: getattr(tokenizer, name) for name in _TOKENIZER_SETTINGS if hasattr(tokenizer, name)}
    file.write_text(json.dumps({**read_object(file), **settings}, indent=2), encoding="utf-8")


def read_parts(directory: Path, classes: PretrainedClasses, device: Any) -> Any:
    """Read a dict of parts, or a pipeline; no code in the directory runs, and nothing is fetched.

    Args:
        directory: as `write_parts` leaves it, or anybody else.
        classes: what the names in it stand for.
        device: a `torch.device` for the model.

    Raises:
        ArtifactLoadingException: it names a class that is not known, or weights are missing or of another model.
        FileNotFoundError: it has no `config.json`.
    """
    refuse_adapters(directory)
    transformers = require("transformers")
    roles = [role for role in ROLES if _type_file(directory, role).is_file()]
    if not _type_file(directory, "model").is_file():
        roles = _roles_from_elsewhere(directory)
    with without_progress_bars(transformers):
        parts = {"model": _read_model(directory, classes).to(device)}
        for role in roles:
            parts[role] = _class_of(directory, role, classes).from_pretrained(directory, **_HERE_WITHOUT_CODE)
    if not (directory / _PIPELINE).is_file():
        return parts
    described = json.loads((directory / _PIPELINE).read_bytes())
    kind = classes.named(described["class"], transformers.Pipeline)
    pipeline = kind(task=described["task"], device=device, **parts)
    set_settings(pipeline, described["settings"])
    return pipeline


def _read_model(directory: Path, classes: PretrainedClasses) -> Any:
    model, info = _class_of(directory, "model", classes).from_pretrained(
        directory,
        dtype="auto",
        use_safetensors=all(name.endswith(".safetensors") for name in weight_files(directory)),
        weights_only=True,
        output_loading_info=True,
        **_HERE_WITHOUT_CODE,
    )
    if lost := sorted(map(str, [*info["missing_keys"], *info["mismatched_keys"]])):
        raise ArtifactLoadingException(
            f"the weights in {directory} are not those of a {type(model).__name__}: {len(lost)} are missing, "
            f"such as {lost[0]}"
        )
    return model


def _class_of(directory: Path, role: str, classes: PretrainedClasses) -> Any:
    """The class of a part, or the one of transformers that finds out which it is."""
    transformers = require("transformers")
    file = _type_file(directory, role)
    if file.is_file():
        base = ROLES.get(role, "PreTrainedModel")
        return classes.named(file.read_text(encoding="utf-8").strip(), getattr(transformers, base))
    if role == "model":
        architectures = json.loads((directory / "config.json").read_bytes()).get("architectures")
        if architectures:
            return classes.named(str(architectures[0]), transformers.PreTrainedModel)
    words = [word.capitalize() for word in role.split("_")]
    return getattr(transformers, "".join(["Auto", *words]))


def _roles_from_elsewhere(directory: Path) -> list[str]:
    """Which parts there are beside the model, as the files show."""
    found = ["tokenizer"] if any(any(directory.glob(name)) for name in _TOKENIZERS) else []
    if (directory / "processor_config.json").is_file():
        found.append("processor")
    elif (directory / "preprocessor_config.json").is_file():
        extractor = read_object(directory / "preprocessor_config.json").get("feature_extractor_type")
        # Those of images have the name of extractors in old files, and are gone from transformers.
        is_one = extractor is not None and hasattr(require("transformers"), str(extractor))
        found.append("feature_extractor" if is_one else "image_processor")
    return found


def _type_file(directory: Path, role: str) -> Path:
    return directory / (_MODEL_TYPE if role == "model" else f"{role}_type.txt")
