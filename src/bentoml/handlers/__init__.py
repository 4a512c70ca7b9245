"""Old names of the input adapters, for services written as `@api(DataframeHandler, ...)`."""

from __future__ import annotations

from typing import Any

from bentoml.adapters import BaseInputAdapter as BentoHandler
from bentoml.adapters import DataframeInput as DataframeHandler
from bentoml.adapters import JsonInput as JsonHandler

__all__ = ["BentoHandler", "DataframeHandler", "JsonHandler"]


def __getattr__(name: str) -> Any:
    if name.startswith("Clipper"):
        raise ImportError(
            f"{name} was dropped: the Clipper project is no longer alive; use an input adapter of bentoml.adapters"
        )
    raise AttributeError(f"module 'bentoml.handlers' has no attribute {name!r}")
