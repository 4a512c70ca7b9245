"""The OpenAPI 3.1 document, made from the table of routes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from bentoml._version import __version__
from bentoml.yatai.server.messages import Error
from bentoml.yatai.server.routes import JSON

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bentoml.yatai.server.routes import Query, Route

_REF = "#/components/schemas/{name}"
_REASONS = {
    200: "All is well.",
    201: "It is made.",
    202: "It is under way.",
    204: "It is done.",
    206: "A part of the file.",
    304: "The copy of the client is still right.",
    307: "The bytes are elsewhere.",
    400: "The request is not what this takes.",
    401: "The caller has not said who they are.",
    403: "The caller may not do that.",
    404: "There is no such thing.",
    405: "The method is not possible here.",
    409: "It contradicts what is there.",
    413: "The body is too large.",
    415: "The body has another type.",
    416: "There are no such bytes.",
    421: "The host is none of this machine.",
    422: "The bytes are not what their digest says.",
    429: "Too many wrong passwords.",
    431: "The head of the request is too large.",
    500: "The registry failed.",
    501: "This registry cannot do that.",
    503: "The registry cannot answer now.",
}
_TYPES = {str: "string", int: "integer", bool: "boolean"}
# Not to be told by a JSON schema.
_CLASSIC_ERROR = {
    "type": "object",
    "required": ["status"],
    "properties": {
        "status": {
            "type": "object",
            "required": ["status_code", "error_message"],
            "properties": {"status_code": {"type": "string"}, "error_message": {"type": "string"}},
        }
    },
}


def document(routes: Sequence[Route], prefix: str = "") -> dict[str, Any]:
    """The document.

    Args:
        routes: the table.
        prefix: path before all others; empty for none.
    """
    kinds = [kind for route in routes for kind in (route.body, route.answer) if isinstance(kind, type)]
    _, schemas = msgspec.json.schema_components([*dict.fromkeys(kinds), Error], ref_template=_REF)
    paths: dict[str, Any] = {}
    for route in routes:
        # How Starlette is told that a part of the path takes slashes is nothing that OpenAPI knows.
        paths.setdefault(re.sub(r":\w+\}", "}", route.path), {})[route.method.lower()] = _operation(route)
    found: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": "BentoML Yatai",
            "version": __version__,
            "description": "A registry of bundles. Errors of `/api/v1` are `Error`; those of the other operations "
            "below `/api` have the classic form.",
        },
        "servers": [{"url": prefix or "/"}],
        "paths": paths,
        "components": {
            "schemas": {**schemas, "ClassicError": _CLASSIC_ERROR},
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "A token of a user."},
                "access_token": {"type": "apiKey", "in": "header", "name": "access_token"},
            },
        },
    }
    return found


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.operation,
        "summary": route.summary,
        "tags": ["classic" if route.is_classic else route.path.split("/")[3] if "/v1/" in route.path else "server"],
        "parameters": [
            *(_path_parameter(name) for name in re.findall(r"\{(\w+)(?::\w+)?\}", route.path)),
            *(_query_parameter(parameter) for parameter in route.query),
            *(
                {"name": name, "in": "header", "description": meaning, "schema": {"type": "string"}}
                for name, meaning in route.headers.items()
            ),
        ],
        "responses": _responses(route),
    }
    if route.role is None:
        operation["security"] = []
    else:
        operation["security"] = [{"token": []}, {"access_token": []}, {}]
        operation["description"] = f"Takes the role {route.role.text} where users log in."
    if route.body is not None:
        operation["requestBody"] = {"required": True, "content": _content(route.body)}
    return operation


def _path_parameter(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}


def _query_parameter(parameter: Query) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": _TYPES[parameter.kind]}
    if parameter.kind is int:
        schema.update(minimum=parameter.least, maximum=parameter.most)
    elif parameter.kind is str and parameter.choices:
        schema["enum"] = list(parameter.choices)
    elif parameter.kind is str:
        schema["maxLength"] = parameter.most
    if parameter.default is not None:
        schema["default"] = parameter.default
    found: dict[str, Any] = {"name": parameter.name, "in": "query", "description": parameter.meaning, "schema": schema}
    if parameter.is_required:
        found["required"] = True
    return found


def _responses(route: Route) -> dict[str, Any]:
    responses: dict[str, Any] = {str(route.status): {"description": _REASONS[route.status]}}
    if route.answer is not None:
        responses[str(route.status)]["content"] = _content(route.answer)
    statuses = {400, 421, 431, 500, 503, *route.errors}
    if route.role is not None:
        statuses |= {401, 403}
    if route.method != "GET":
        statuses.add(403)
    if route.body is not None:
        statuses |= {413, 415}
    error = "ClassicError" if route.is_classic else "Error"
    for status in sorted(statuses):
        found: dict[str, Any] = {"description": _REASONS[status]}
        if status >= 400:
            found["content"] = {JSON: {"schema": {"$ref": _REF.format(name=error)}}}
        responses[str(status)] = found
    return responses


def _content(kind: type | str) -> dict[str, Any]:
    if isinstance(kind, str):
        return {kind: {} if kind == JSON else {"schema": {"type": "string", "format": "binary"}}}
    return {JSON: {"schema": {"$ref": _REF.format(name=kind.__name__)}}}
