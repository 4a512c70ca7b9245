"""AWS Lambda events of API Gateway as HTTP requests, and HTTP responses as their answers."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

from bentoml.adapters.errors import InputError
from bentoml.types import HTTPRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bentoml.types import HTTPResponse


def request_from_event(event: Mapping[str, Any]) -> HTTPRequest:
    """Read an event: `body` (text, bytes or none), `headers`, `isBase64Encoded`, method and path where given.

    Raises:
        InputError: the body says that it is base64 and is not, or it is no text.
    """
    return HTTPRequest(
        headers=event.get("headers") or None,
        body=_body_bytes(event.get("body"), is_base64=bool(event.get("isBase64Encoded"))),
        method=event.get("httpMethod") or "POST",
        path=event.get("path") or "",
    )


def _body_bytes(body: Any, *, is_base64: bool) -> bytes:
    if body is None:
        return b""
    if is_base64:
        try:
            return base64.b64decode(body, validate=True)
        except (binascii.Error, ValueError, TypeError) as error:
            raise InputError("the body of the event is not valid base64") from error
    if isinstance(body, bytes):
        return body
    if isinstance(body, str):
        return body.encode("utf-8", "surrogatepass")
    raise InputError(f"the body of the event must be text, not {type(body).__name__}")


def event_from_response(response: HTTPResponse) -> dict[str, Any]:
    """Write the answer of a Lambda function: text as it is, other bytes as base64; any origin may read it."""
    event: dict[str, Any] = {
        "statusCode": response.status,
        "headers": {**response.headers, "Access-Control-Allow-Origin": "*"},
    }
    try:
        event["body"] = response.body.decode()
    except UnicodeDecodeError:
        event["body"] = base64.b64encode(response.body).decode()
        event["isBase64Encoded"] = True
    return event
