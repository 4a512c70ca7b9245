"""Files of Keras models: what a model is made of, read without making it, and the older layout in two files.

A model's configuration names layers and functions. It holds code only where a lambda stands in it, as bytecode, or
where a layer brings a pickle or a graph of another library along. `code_in` finds those; nothing is run for it.
"""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING, Any

from bentoml._util.optional import require
from bentoml.exceptions import ArtifactLoadingException

if TYPE_CHECKING:
    from pathlib import Path

# Bytecode, a module of PyTorch as a pickle, and a SavedModel somewhere on the disk.
_CARRIERS = frozenset({"__lambda__", "TorchModuleWrapper", "TFSMLayer"})
# Where Keras 2 wrote the bytecode of a layer `Lambda`.
_LAMBDA_PLACES = ("function", "output_shape", "mask")

_CONFIG_MEMBER = "config.json"
_WEIGHTS_GROUP = "model_weights"
_CONFIG_ATTRIBUTE = "model_config"


def code_in(config: Any) -> list[str]:
    """The layers of a configuration that hold code, by name, in order; a lambda elsewhere is called by its place."""
    found: list[str] = []
    _collect(config, "", found)
    return list(dict.fromkeys(found))


def _collect(value: Any, place: str, found: list[str]) -> None:
    if isinstance(value, list):
        for one in value:
            _collect(one, place, found)
    if not isinstance(value, dict):
        return
    kind, config = value.get("class_name"), value.get("config")
    name = config.get("name") if isinstance(config, dict) else None
    place = name if isinstance(name, str) else place
    if isinstance(kind, str) and (kind in _CARRIERS or (kind == "Lambda" and _has_old_bytecode(config))):
        found.append(place or "?")
    for one in value.values():
        _collect(one, place, found)


def _has_old_bytecode(config: Any) -> bool:
    """Whether a layer `Lambda` has a function as Keras 2 wrote it: `[bytecode, defaults, cells]`."""
    if not isinstance(config, dict):
        return False
    values = [config.get(key) for key in _LAMBDA_PLACES]
    return any(isinstance(value, list) and any(isinstance(one, str) for one in value) for value in values)


def config_of_keras(file: Path) -> Any:
    """The configuration in a `.keras` file, less what only training needs, which is not read.

    Raises:
        ArtifactLoadingException: it is damaged.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            return _without_training(_parsed(archive.read(_CONFIG_MEMBER), file))
    except (zipfile.BadZipFile, KeyError, EOFError, NotImplementedError, RuntimeError) as error:
        raise _damaged(file, error) from error


def config_of_h5(file: Path) -> Any:
    """The configuration in a file of HDF5.

    Raises:
        ArtifactLoadingException: it is damaged, or has weights alone.
    """
    h5py = require("h5py")
    file.stat()  # h5py says in words of its own when there is none
    try:
        with h5py.File(file, "r") as content:
            text = content.attrs[_CONFIG_ATTRIBUTE]
    except (OSError, KeyError, RuntimeError) as error:
        raise _damaged(file, error) from error
    return _parsed(text, file)


def config_of_json(file: Path) -> Any:
    """The configuration in a file of JSON.

    Raises:
        ArtifactLoadingException: it is damaged.
    """
    return _parsed(file.read_bytes(), file)


def _parsed(text: str | bytes, file: Path) -> Any:
    try:
        config = json.loads(text)
    except (ValueError, TypeError, RecursionError) as error:
        raise _damaged(file, error) from error
    if not isinstance(config, dict):
        raise _damaged(file, "its configuration is no object")
    return config


def _without_training(config: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in config.items() if key != "compile_config"}


def _damaged(file: Path, why: object) -> ArtifactLoadingException:
    return ArtifactLoadingException(f"{file} is no model of Keras, or is damaged: {why}")


def split_h5(whole: Path, config: Path, weights: Path) -> None:
    """Write what stands in a file of HDF5 into two: the configuration as JSON, and the weights as HDF5."""
    h5py = require("h5py")
    with h5py.File(whole, "r") as source, h5py.File(weights, "w") as target:
        config.write_text(source.attrs[_CONFIG_ATTRIBUTE], encoding="utf-8")
        _copy_group(source[_WEIGHTS_GROUP], target)


def join_h5(config: Path, weights: Path, whole: Path) -> None:
    """Write what stands in two files into one, which Keras reads: the reverse of `split_h5`.

    Raises:
        ArtifactLoadingException: the weights are damaged.
    """
    h5py = require("h5py")
    weights.stat()
    parsed = config_of_json(config)
    if str(parsed.get("keras_version", "")).startswith("2."):
        parsed = _as_in_h5(parsed)
    text = json.dumps(parsed)
    try:
        with h5py.File(weights, "r") as source, h5py.File(whole, "w") as target:
            target.attrs[_CONFIG_ATTRIBUTE] = text
            _copy_group(source, target.create_group(_WEIGHTS_GROUP))
    except (OSError, RuntimeError) as error:
        raise _damaged(weights, error) from error


def _as_in_h5(value: Any) -> Any:
    """A configuration that Keras 2 wrote to JSON as it would have written it to HDF5, where today's Keras reads it."""
    if isinstance(value, list):
        return [_as_in_h5(one) for one in value]
    if not isinstance(value, dict):
        return value
    if {"module", "class_name", "config", "registered_name"} <= value.keys() and value["class_name"] != "function":
        value = {"class_name": value["registered_name"] or value["class_name"], "config": value["config"]}
    return {key: _as_in_h5(one) for key, one in value.items()}


def _copy_group(source: Any, target: Any) -> None:
    for name, value in source.attrs.items():
        target.attrs[name] = value
    for name in source:
        source.copy(name, target, name=name)
