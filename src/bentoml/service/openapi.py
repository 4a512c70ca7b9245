"""The OpenAPI document of a service."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from bentoml.adapters.open_inference.model_paths import INFER_TEMPLATE
from bentoml.adapters.typed.definitions import DEFINITIONS, merge_definitions
from bentoml.configuration import get_config
from bentoml.service.openapi_errors import RESPONSE_HEADERS, error_components, error_responses
from bentoml.service.openapi_models import TAG, infer_operation
from bentoml.service.stream_format import STREAM_MEDIA_TYPES

if TYPE_CHECKING:
    from bentoml.service.bento_service import BentoService
    from bentoml.service.inference_api import InferenceAPI

OPENAPI_VERSION = "3.0.0"
DEFAULT_DESCRIPTION = "A prediction service built with BentoML"

COMPONENTS = "#/components/schemas/"
_SUCCESS = {"200": {"description": "success"}}


def openapi_document(service: BentoService) -> dict[str, Any]:
    """Describe the HTTP endpoints of a service.

    Returns:
        An OpenAPI 3.0.0 document made of dicts, lists and str; paths in the order infra, the APIs, the models.
    """
    paths = {
        "/healthz": _infra(
            "Health check endpoint. Expecting an empty response with status code 200 when it is healthy"
        ),
        "/metadata": _infra("The metadata of the service: its name, version, environment, artifacts and APIs"),
    }
    server = get_config().bento_server
    if server.metrics.enabled:
        paths["/metrics"] = _infra("Prometheus metrics endpoint")
    if server.feedback.enabled:
        paths["/feedback"] = {"post": _feedback()}
    definitions: dict[str, Any] = {}
    for api in service.inference_apis:
        paths[f"/{api.route}"] = {"post": _operation(api, definitions)}
    tags = [
        {"name": "infra", "description": "Common endpoints for monitoring and operating the service"},
        {"name": "app", "description": "Inference APIs"},
    ]
    infer = infer_operation(service) if server.open_inference.enabled else None
    if infer is not None:
        paths[INFER_TEMPLATE] = {"post": infer}
        tags.append({"name": TAG, "description": "The same APIs by the Open Inference Protocol"})
    return {
        "openapi": OPENAPI_VERSION,
        "info": {
            "version": service.version,
            "title": service.name,
            "description": service_description(service) or DEFAULT_DESCRIPTION,
        },
        "tags": tags,
        "paths": paths,
        "components": {**error_components(), **({"schemas": definitions} if definitions else {})},
    }


def service_description(service: BentoService) -> str:
    """The docstring of the service's class; empty when it has none of its own."""
    return inspect.cleandoc(type(service).__doc__ or "")


def _infra(description: str) -> dict[str, Any]:
    return {"get": {"tags": ["infra"], "description": description, "responses": dict(_SUCCESS)}}


def _feedback() -> dict[str, Any]:
    schema = {"type": "object", "required": ["request_id"], "properties": {"request_id": {"type": "string"}}}
    return {
        "tags": ["infra"],
        "description": "Tell what became of a prediction: any JSON object with the `request_id` of its answer",
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
        "responses": {**_SUCCESS, **error_responses("400", "408", "413", "429")},
    }


def _operation(api: InferenceAPI, definitions: dict[str, Any]) -> dict[str, Any]:
    return {
        "tags": ["app"],
        "description": api.doc,
        "requestBody": {"required": True, "content": _lifted(api.request_schema, definitions)},
        "responses": {"200": _streamed() if api.is_stream else _answered(api, definitions), **error_responses()},
    }


def _answered(api: InferenceAPI, definitions: dict[str, Any]) -> dict[str, Any]:
    answer = {"description": "success", "headers": RESPONSE_HEADERS}
    content = _lifted(api.response_schema, definitions)
    return {**answer, "content": content} if content else answer


def _lifted(content: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """Media objects whose schemas refer to the components of the document instead of definitions of their own."""
    return {media_type: _lifted_media(media, definitions) for media_type, media in content.items()}


def _lifted_media(media: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    schema = media.get("schema")
    if not isinstance(schema, dict) or DEFINITIONS not in schema:
        return media
    bare = {key: value for key, value in schema.items() if key != DEFINITIONS}
    return {**media, "schema": merge_definitions(definitions, schema[DEFINITIONS], bare, COMPONENTS)}


def _streamed() -> dict[str, Any]:
    # Which one it is depends on what the generator yields first, and on what the client accepts.
    content = {media_type: {"schema": {"type": "string"}} for media_type in STREAM_MEDIA_TYPES}
    return {"description": "success, sent piece by piece", "headers": RESPONSE_HEADERS, "content": content}
