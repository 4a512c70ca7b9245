"""Libraries that a module of tests names at its top, though it is also collected where they are not installed."""

from __future__ import annotations

import importlib
from typing import Any


class _LateModule:
    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(importlib.import_module(self._name), attribute)


def late_import(name: str) -> Any:
    """A module that is imported when a test first uses it."""
    return _LateModule(name)
