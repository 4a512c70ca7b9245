"""Defining a service: its base class, decorators, environment and APIs.

The decorators are in `bentoml.service.decorators`; here they carry the suffix `_decorator`, because `artifacts`
and `env` are modules of this package.
"""

from __future__ import annotations

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
