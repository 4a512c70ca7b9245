"""Take a trained model to production.

A data scientist writes a class, packs a model into it and saves it; the saved bundle is served over HTTP with adaptive
micro-batching, run offline on files, and kept in a registry. Names are loaded on first use: importing this package
does nothing else.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from bentoml._version import __version__

if TYPE_CHECKING:
    from bentoml._util.logs import configure_logging
    from bentoml.cli.main import commandline_interface
    from bentoml.saved_bundle import load, load_from_dir, save_to_dir
    from bentoml.service import BentoService, save
    from bentoml.service.decorators import api, artifacts, env, ver, web_static_content

_HOME_OF = {
    "BentoService": "bentoml.service",
    "api": "bentoml.service.decorators",
    "artifacts": "bentoml.service.decorators",
    "commandline_interface": "bentoml.cli.main",
    "configure_logging": "bentoml._util.logs",
    "env": "bentoml.service.decorators",
    "load": "bentoml.saved_bundle",
    "load_from_dir": "bentoml.saved_bundle",
    "save": "bentoml.service",
    "save_to_dir": "bentoml.saved_bundle",
    "ver": "bentoml.service.decorators",
    "web_static_content": "bentoml.service.decorators",
}
_SUBMODULES = frozenset(
    {
        "adapters",
        "artifact",
        "batch",
        "exceptions",
        "frameworks",
        "handlers",
        "saved_bundle",
        "service",
        "types",
        "yatai",
    }
)

__all__ = [
    "BentoService",
    "__version__",
    "api",
    "artifacts",
    "commandline_interface",
    "configure_logging",
    "env",
    "load",
    "load_from_dir",
    "save",
    "save_to_dir",
    "ver",
    "web_static_content",
]


def __getattr__(name: str) -> Any:
    if name in _HOME_OF:
        value = getattr(importlib.import_module(_HOME_OF[name]), name)
        globals()[name] = value
        return value
    if name in _SUBMODULES:
        return importlib.import_module(f"bentoml.{name}")
    raise AttributeError(f"module 'bentoml' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*__all__, *_SUBMODULES})
