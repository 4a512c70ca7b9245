"""The saved bundle: a directory that holds everything a service needs to run elsewhere.

`save_to_dir` writes one, `load` reads it back. Loading a bundle runs its code: load only bundles you trust.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bentoml.saved_bundle.code.modules import bundle_being_imported
    from bentoml.saved_bundle.loader import (
        load,
        load_bento_service_api,
        load_bento_service_class,
        load_bento_service_metadata,
        load_from_dir,
        load_saved_bundle_config,
    )
    from bentoml.saved_bundle.retrieval import safe_retrieve
    from bentoml.saved_bundle.saver import save_to_dir

_HOME_OF = {
    "bundle_being_imported": "code.modules",
    "load": "loader",
    "load_bento_service_api": "loader",
    "load_bento_service_class": "loader",
    "load_bento_service_metadata": "loader",
    "load_from_dir": "loader",
    "load_saved_bundle_config": "loader",
    "safe_retrieve": "retrieval",
    "save_to_dir": "saver",
}

__all__ = [
    "bundle_being_imported",
    "load",
    "load_bento_service_api",
    "load_bento_service_class",
    "load_bento_service_metadata",
    "load_from_dir",
    "load_saved_bundle_config",
    "safe_retrieve",
    "save_to_dir",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
