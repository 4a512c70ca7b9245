"""Defining a service: its base class, decorators, environment and APIs.

The decorators are in `bentoml.service.decorators`; here they carry the suffix `_decorator`, because `artifacts`
and `env` are modules of this package. Names are loaded on first use: who asks for what is known about a saved service
(`bentoml.service.metadata`) does not pay for what runs one.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bentoml.service.artifacts import ArtifactCollection, BentoServiceArtifact
    from bentoml.service.bento_service import BentoService, save
    from bentoml.service.decorators import api as api_decorator
    from bentoml.service.decorators import artifacts as artifacts_decorator
    from bentoml.service.decorators import env as env_decorator
    from bentoml.service.decorators import ver as ver_decorator
    from bentoml.service.decorators import web_static_content as web_static_content_decorator
    from bentoml.service.env import BentoServiceEnv
    from bentoml.service.inference_api import InferenceAPI
    from bentoml.service.naming import validate_version_str

_HOME_OF = {
    "ArtifactCollection": ("artifacts", "ArtifactCollection"),
    "BentoService": ("bento_service", "BentoService"),
    "BentoServiceArtifact": ("artifacts", "BentoServiceArtifact"),
    "BentoServiceEnv": ("env", "BentoServiceEnv"),
    "InferenceAPI": ("inference_api", "InferenceAPI"),
    "api_decorator": ("decorators", "api"),
    "artifacts_decorator": ("decorators", "artifacts"),
    "env_decorator": ("decorators", "env"),
    "save": ("bento_service", "save"),
    "validate_version_str": ("naming", "validate_version_str"),
    "ver_decorator": ("decorators", "ver"),
    "web_static_content_decorator": ("decorators", "web_static_content"),
}
_SUBMODULES = frozenset({"artifacts", "decorators", "env", "metadata"})

__all__ = [
    "ArtifactCollection",
    "BentoService",
    "BentoServiceArtifact",
    "BentoServiceEnv",
    "InferenceAPI",
    "api_decorator",
    "artifacts_decorator",
    "env_decorator",
    "save",
    "validate_version_str",
    "ver_decorator",
    "web_static_content_decorator",
]


def __getattr__(name: str) -> Any:
    if name in _HOME_OF:
        module, attribute = _HOME_OF[name]
        value = getattr(importlib.import_module(f"bentoml.service.{module}"), attribute)
        globals()[name] = value
        return value
    if name in _SUBMODULES:
        return importlib.import_module(f"bentoml.service.{name}")
    raise AttributeError(f"module 'bentoml.service' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*__all__, *_SUBMODULES})
