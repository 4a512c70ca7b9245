"""Directories of models as the libraries of Hugging Face write them, on disk or fetched from its hub."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bentoml._util.optional import require
from bentoml.exceptions import ArtifactLoadingException, InvalidArgument, NotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# How the weights of one model are looked for, in this order; an index names several files.
_WEIGHTS = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json")
# Of a repository on the hub: code, papers, and weights for other libraries stay there.
_LEFT_OUT = [
    "*/*",
    ".*",
    "*.md",
    "*.py",
    "*.bin",
    "*.ckpt",
    "*.gguf",
    "*.h5",
    "*.msgpack",
    "*.onnx",
    "*.ot",
    "*.pt",
    "*.pth",
]
_PICKLED_WEIGHTS = ["pytorch_model*.bin", "pytorch_model.bin.index.json"]


def local_directory(source: str | os.PathLike[str], fetch: Callable[[str], Any]) -> Path:
    """A directory that is there, or one that is fetched from the hub by its name there.

    Args:
        source: path, or name such as `google/vit-base-patch16-224`.
        fetch: takes the name, and returns the path of the directory that it has fetched.

    Raises:
        NotFound: the hub knows no such model, or does not show it to strangers.
        ArtifactLoadingException: the hub cannot be reached, or must not be.
        InvalidArgument: it is neither the path of a directory nor a name.
    """
    if Path(source).is_dir():
        return Path(source).resolve()
    hub = require("huggingface_hub")
    name = os.fspath(source)
    try:
        return Path(fetch(name))
    except hub.errors.HFValidationError as error:
        raise InvalidArgument(f"{name!r} is neither a directory nor a name on the hub of Hugging Face") from error
    except hub.errors.RepositoryNotFoundError as error:
        raise NotFound(
            f"{name!r} is no directory here, and no model on the hub of Hugging Face that everybody may read; "
            "to read one of yours, run: hf auth login"
        ) from error
    except (OSError, ValueError) as error:
        offline = "HF_HUB_OFFLINE is set, and it was not fetched before" if hub.constants.HF_HUB_OFFLINE else error
        raise ArtifactLoadingException(
            f"{name!r} is no directory here, and cannot be fetched from the hub of Hugging Face: {offline}"
        ) from error


def fetch_model(name: str) -> str:
    """Fetch the files of one model from the hub, without code; weights that are pickles only where there are no others.

    Returns:
        The directory in the cache of huggingface_hub.
    """
    hub = require("huggingface_hub")
    directory: str = hub.snapshot_download(name, ignore_patterns=_LEFT_OUT)
    if not list(Path(directory).glob("*.safetensors")):
        directory = hub.snapshot_download(name, allow_patterns=_PICKLED_WEIGHTS)
    return directory


def weight_files(directory: Path) -> list[str]:
    """Names of the files that the weights of one model are read from; empty when there are none.

    What cannot be read counts as none: reading the model says what is wrong with it.
    """
    named = read_object(directory / "config.json").get("transformers_weights")
    for name in [named] if isinstance(named, str) else _WEIGHTS:
        if not (directory / name).is_file():
            continue
        if not name.endswith(".index.json"):
            return [name]
        shards = read_object(directory / name).get("weight_map")
        return sorted({str(shard) for shard in shards.values()}) if isinstance(shards, dict) else []
    return []


def named_weights(directory: Path) -> list[str]:
    """Names of the files that indices and the configuration in a directory say weights are in."""
    maps = [read_object(index).get("weight_map") for index in sorted(directory.glob("*.index.json"))]
    named = {str(shard) for shards in maps if isinstance(shards, dict) for shard in shards.values()}
    own = read_object(directory / "config.json").get("transformers_weights")
    return sorted(named if own is None else {*named, str(own)})


def refuse_adapters(directory: Path) -> None:
    """Raise when a directory, or one in it, has weights that only add to a model elsewhere.

    Raises:
        ArtifactLoadingException: it has; they would name the place of the model that they add to.
    """
    for file in directory.rglob("adapter_config.json"):
        raise ArtifactLoadingException(
            f"{file} describes an adapter for a model that is elsewhere; load both, and pack what merge_and_unload() "
            "gives"
        )


@contextmanager
def without_progress_bars(library: Any) -> Iterator[None]:
    """Keep a library from drawing progress bars.

    Args:
        library: `transformers` or `diffusers`.
    """
    logging = library.utils.logging
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def read_object(file: Path) -> dict[str, Any]:
    """A JSON object; empty when the file is none."""
    try:
        read = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}
