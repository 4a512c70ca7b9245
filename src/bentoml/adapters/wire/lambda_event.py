"""AWS Lambda events as the HTTP requests that they stand for, and HTTP responses as their answers."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

from bentoml.adapters.errors import InputError
from bentoml.types import HTTPHeaders, HTTPRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bentoml.types import HTTPResponse


def request_from_event(event: Mapping[str, Any]) -> HTTPRequest:
    """Read an event of API Gateway (REST or HTTP API), of a function URL, or of an Application Load Balancer.

    Args:
        event: `body` (text, bytes or none), `isBase64Encoded`, and what its source has of `headers`, `httpMethod`,
            `path` and parameters; in payload format 2.0 `rawPath`, `rawQueryString`, `cookies`, `requestContext.http`.

    Raises:
        InputError: the body says that it is base64 and is not, or it is no text.
    """
    context = event.get("requestContext") or {}
    http = context.get("http") or {}
    identity = context.get("identity") or {}
    return HTTPRequest(
        headers=headers_of_event(event),
        body=_body_bytes(event.get("body"), is_base64=bool(event.get("isBase64Encoded"))),
        method=event.get("httpMethod") or http.get("method") or "POST",
        path=event.get("path") or event.get("rawPath") or "",
        query_string=_query_string(event),
        client=http.get("sourceIp") or identity.get("sourceIp") or "",
    )


def headers_of_event(event: Mapping[str, Any]) -> HTTPHeaders:
    """All headers; where an event has each name with all its values, these."""
    repeated = event.get("multiValueHeaders")
    if repeated:
        return HTTPHeaders([(name, value) for name, values in repeated.items() for value in values])
    headers = [(name, value) for name, value in (event.get("headers") or {}).items() if value is not None]
    cookies = event.get("cookies")
    return HTTPHeaders([*headers, ("cookie", "; ".join(cookies))] if cookies else headers)


def _query_string(event: Mapping[str, Any]) -> str:
    raw: str | None = event.get("rawQueryString")
    if raw is not None:
        return raw
    repeated = event.get("multiValueQueryStringParameters") or {}
    # A load balancer passes them on as they were sent, still encoded.
    quote = str if "elb" in (event.get("requestContext") or {}) else quote_plus
    pairs = [(name, value) for name, values in repeated.items() for value in values]
    if not pairs:
        pairs = list((event.get("queryStringParameters") or {}).items())
    return "&".join(f"{quote(name)}={quote(value or '')}" for name, value in pairs)


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
