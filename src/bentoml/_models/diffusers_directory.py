"""Pipelines of diffusers in a directory, read without the code that may lie beside them."""

from __future__ import annotations

import math
from collections import Counter
from types import ModuleType
from typing import TYPE_CHECKING, Any

from bentoml._models.hub_directory import named_weights, read_object, refuse_adapters, without_progress_bars
from bentoml._util.optional import is_installed, require
from bentoml.exceptions import ArtifactLoadingException

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

INDEX = "model_index.json"
LIBRARIES = ("diffusers", "transformers")
"""Where components of a pipeline may come from, by the first part of the module of their class."""
# Types of numbers in files of safetensors, by what PyTorch calls them.
_DTYPES = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16"}


def pipeline_class(name: str, custom: Mapping[str, type]) -> Any:
    """The class of a pipeline that a name stands for; None when there is none.

    Args:
        name: from a file that anybody may have written.
        custom: classes of the user's own, by name; they go before those of diffusers.
    """
    diffusers = require("diffusers")
    found = custom.get(name)
    if found is None and name.isidentifier() and not name.startswith("_"):
        found = getattr(diffusers, name, None)
    return found if isinstance(found, type) and issubclass(found, diffusers.DiffusionPipeline) else None


def read_pipeline(directory: Path, custom: Mapping[str, type], device: Any) -> Any:
    """Read a pipeline from files of safetensors alone; nothing is fetched.

    Args:
        directory: as diffusers writes it.
        custom: classes of the user's own that the pipeline may be of, by name.
        device: a `torch.device`.

    Raises:
        ArtifactLoadingException: it names something that is no part of a pipeline, or has weights in other formats.
    """
    diffusers = require("diffusers")
    refuse_adapters(directory)
    index = read_object(directory / INDEX)
    kind = pipeline_class(str(index.get("_class_name")), custom)
    if kind is None:
        raise ArtifactLoadingException(
            f"{directory / INDEX} names {index.get('_class_name')!r}, which is no pipeline of diffusers "
            f"{diffusers.__version__}, and code that comes with a pipeline is not run; import the class in the module "
            "of the service, and name it in custom_classes= of the artifact"
        )
    components = {name: what for name, what in index.items() if name[:1] != "_" and isinstance(what, list)}
    for name, what in components.items():
        _check_component(directory / name, what)
    types = {name: kept for name in components if (kept := _number_type(directory / name)) is not None}
    with without_progress_bars(diffusers), without_progress_bars(require("transformers")):
        pipeline = kind.from_pretrained(
            directory,
            dtype=types or None,
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=False,
            low_cpu_mem_usage=is_installed("accelerate"),
        )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline.to(device)


def _check_component(directory: Path, what: list[Any]) -> None:
    """Refuse what is not a class of the two libraries, and weights that are no safetensors."""
    if what != [None, None] and not _is_known(directory, what):
        raise ArtifactLoadingException(
            f"{directory.with_name(INDEX)} wants {what!r} for the component {directory.name!r}, which is no class of "
            f"{' or '.join(LIBRARIES)}; no other code is run"
        )
    if strange := [name for name in named_weights(directory) if not name.endswith(".safetensors")]:
        raise ArtifactLoadingException(f"{directory} names weights that are no safetensors: {strange[0]}")


def _is_known(directory: Path, what: list[Any]) -> bool:
    if len(what) != 2 or not all(isinstance(word, str) and word.isidentifier() for word in what):
        return False
    library, name = what
    if (directory / f"{library}.py").exists():  # diffusers would look there first
        return False
    module = require(library) if library in LIBRARIES else getattr(require("diffusers.pipelines"), library, None)
    return (
        isinstance(module, ModuleType)
        and module.__name__.partition(".")[0] in LIBRARIES
        and isinstance(getattr(module, name, None), type)
    )


def _number_type(directory: Path) -> Any:
    """The type of most numbers in the weights of a component, which diffusers would make `float32`."""
    counts: Counter[str] = Counter()
    for file in sorted(directory.glob("*.safetensors")):
        with require("safetensors").safe_open(file, "pt") as weights:
            for name in weights.keys():  # noqa: SIM118 - it is no dict
                described = weights.get_slice(name)
                counts[described.get_dtype()] += math.prod(described.get_shape())
    known = [_DTYPES[name] for name, _ in counts.most_common() if name in _DTYPES]
    return getattr(require("torch"), known[0]) if known else None
