"""Libraries that a module of tests names at its top, though it is also collected where they are not installed.

The same is done with those that take seconds to import: each process that runs tests collects every module.
"""

from __future__ import annotations

import importlib
from typing import Any


class _LateModule:
    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        # pytest asks each name of a module whether it is a test.
        if attribute.startswith("_") and attribute not in {"__file__", "__version__"}:
            raise AttributeError(attribute)
        return getattr(importlib.import_module(self._name), attribute)


def late_import(name: str) -> Any:
    """A module that is imported when a test first uses it."""
    return _LateModule(name)
