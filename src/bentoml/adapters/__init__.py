"""Input and output adapters: from wire bytes to the arguments of an API function, and back."""

from __future__ import annotations

from typing import Any

from bentoml.adapters.base import BaseInputAdapter, BaseOutputAdapter
from bentoml.adapters.dataframe_input import DataframeInput
from bentoml.adapters.dataframe_output import DataframeOutput
from bentoml.adapters.default_output import DefaultOutput
from bentoml.adapters.json_input import JsonInput
from bentoml.adapters.json_output import JsonOutput

__all__ = [
    "BaseInputAdapter",
    "BaseOutputAdapter",
    "DataframeInput",
    "DataframeOutput",
    "DefaultOutput",
    "JsonInput",
    "JsonOutput",
]

_DROPPED = {
    f"Clipper{kind}Input": "the Clipper project is no longer alive; use JsonInput or DataframeInput"
    for kind in ("Bytes", "Floats", "Ints", "Doubles", "Strings")
}


def __getattr__(name: str) -> Any:
    if name in _DROPPED:
        raise ImportError(f"{name} was dropped: {_DROPPED[name]}")
    raise AttributeError(f"module 'bentoml.adapters' has no attribute {name!r}")
