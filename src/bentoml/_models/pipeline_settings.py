"""What a pipeline of transformers was made with, beside its models: as plain values, and back."""

from __future__ import annotations

import sys
from enum import Enum
from typing import Any

_ATTRIBUTES = (
    "_batch_size",
    "_num_workers",
    "_preprocess_params",
    "_forward_params",
    "_postprocess_params",
    "_generate_kwargs",
)
_ENUM = "$enum"


def settings_of(pipeline: Any) -> dict[str, Any]:
    """The settings by name, ready for JSON.

    Raises:
        ValueError: one is no plain value; the text names it.
    """
    return {
        name.strip("_"): _plain(value, name.strip("_"), type(pipeline))
        for name in _ATTRIBUTES
        if (value := getattr(pipeline, name, None)) is not None
    }


def set_settings(pipeline: Any, settings: dict[str, Any]) -> None:
    """Give a pipeline the settings of another one of its class.

    Raises:
        ValueError: the class has no such settings, or not such values.
    """
    for name, value in settings.items():
        if f"_{name}" not in _ATTRIBUTES:
            raise ValueError(f"pipelines have no setting {name!r}")
        setattr(pipeline, f"_{name}", _restored(value, type(pipeline)))


def _plain(value: Any, place: str, kind: type) -> Any:
    """JSON has no enumerations: those in the module of the pipeline's class become their names."""
    if isinstance(value, Enum):
        names = [type(value).__name__, value.name]
        if _member(names, kind) is value:
            return {_ENUM: names}
    elif isinstance(value, (str, int, float)) or value is None:
        return value
    elif isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: _plain(element, f"{place}.{key}", kind) for key, element in value.items()}
    elif isinstance(value, (list, tuple)):
        return [_plain(element, f"{place}[{number}]", kind) for number, element in enumerate(value)]
    raise ValueError(f"{place} is {value!r}")


def _restored(value: Any, kind: type) -> Any:
    if isinstance(value, list):
        return [_restored(element, kind) for element in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {_ENUM}:
        return _member(value[_ENUM], kind)
    return {key: _restored(element, kind) for key, element in value.items()}


def _member(names: list[str], kind: type) -> Enum:
    """A member of an enumeration by its names."""
    enumeration = getattr(sys.modules[kind.__module__], names[0], None)
    if not (isinstance(enumeration, type) and issubclass(enumeration, Enum)) or names[1] not in enumeration.__members__:
        raise ValueError(f"{kind.__name__} knows no {names[0]}.{names[1]}")
    return enumeration.__members__[names[1]]
