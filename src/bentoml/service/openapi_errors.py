"""What an API answers besides its results, in the words of an OpenAPI document."""

from __future__ import annotations

from typing import Any

# On every answer of an API.
RESPONSE_HEADERS = {"X-Request-Id": {"$ref": "#/components/headers/RequestId"}}

_HEADERS = {
    "RequestId": {
        "description": "The name of the request in the log of the server",
        "required": True,
        "schema": {"type": "string"},
    },
    "RetryAfter": {
        "description": "Seconds after which the same request is likely to be answered",
        "schema": {"type": "integer", "minimum": 1},
    },
}
_TEXT = {"text/plain": {"schema": {"type": "string"}}}
# The form that clients get who speak JSON.
_TEXT_OR_OBJECT = {
    **_TEXT,
    "application/json": {
        "schema": {
            "type": "object",
            "required": ["error"],
            "properties": {
                "error": {
                    "type": "object",
                    "required": ["code", "message", "request_id"],
                    "properties": {name: {"type": "string"} for name in ("code", "message", "request_id")},
                }
            },
        }
    },
}

# A document that was saved without any of these takes this one, which refers to nothing.
UNAUTHORIZED = {
    "description": "A token is missing, or opens nothing here",
    "headers": {"WWW-Authenticate": {"schema": {"type": "string"}}},
    "content": _TEXT_OR_OBJECT,
}


def _response(description: str, content: dict[str, Any] = _TEXT, *, is_temporary: bool = False) -> dict[str, Any]:
    later = {"Retry-After": {"$ref": "#/components/headers/RetryAfter"}} if is_temporary else {}
    return {"description": description, "headers": {**RESPONSE_HEADERS, **later}, "content": content}


_NAMES = {
    "400": "BadRequest",
    "408": "RequestTimeout",
    "413": "RequestTooLarge",
    "415": "UnsupportedMediaType",
    "429": "TooManyRequests",
    "500": "Failure",
    "503": "Unavailable",
}
_RESPONSES = {
    "BadRequest": _response("The body cannot be read as what it has to be; the answer says why", _TEXT_OR_OBJECT),
    "RequestTimeout": _response("The body came too slowly, or the answer was not ready in time"),
    "RequestTooLarge": _response("The body is too large, packed or unpacked"),
    "UnsupportedMediaType": _response("The format or the coding of the body is not read here"),
    "TooManyRequests": _response("Too many requests wait for this one to be answered in time", is_temporary=True),
    "Failure": _response("The function of the API failed; the log of the server says why"),
    "Unavailable": _response("No process that could answer is running", is_temporary=True),
}


def error_responses(*statuses: str) -> dict[str, Any]:
    """Status -> response.

    Args:
        *statuses: those to tell of; all that an API answers when there are none. A function may answer with others.
    """
    return {status: {"$ref": f"#/components/responses/{_NAMES[status]}"} for status in statuses or _NAMES}


def error_components() -> dict[str, Any]:
    """What those responses refer to: the `components` of the document."""
    return {"headers": _HEADERS, "responses": _RESPONSES}
