"""Events of each source that AWS Lambda has for HTTP, as AWS documents them."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from bentoml.adapters.errors import InputError
from bentoml.adapters.wire.lambda_event import event_from_response, request_from_event
from bentoml.types import HTTPResponse

REST_API = {
    "resource": "/predict",
    "path": "/predict",
    "httpMethod": "POST",
    "headers": {"Content-Type": "application/json", "X-One": "2"},
    "multiValueHeaders": {"Content-Type": ["application/json"], "X-One": ["1", "2"]},
    "queryStringParameters": {"a": "3"},
    "multiValueQueryStringParameters": {"a": ["1 2", "3"], "b&": ["é"]},
    "requestContext": {"identity": {"sourceIp": "192.0.2.1"}},
    "body": "[1]",
    "isBase64Encoded": False,
}
HTTP_API = {
    "version": "2.0",
    "rawPath": "/predict",
    "rawQueryString": "a=1%202&a=3",
    "cookies": ["x=1", "y=2"],
    "headers": {"content-type": "application/json", "x-one": "1,2"},
    "requestContext": {"http": {"method": "PUT", "path": "/predict", "sourceIp": "192.0.2.2"}},
    "body": base64.b64encode(b"[1]").decode(),
    "isBase64Encoded": True,
}
LOAD_BALANCER = {
    "requestContext": {"elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:x"}},
    "httpMethod": "POST",
    "path": "/predict",
    "queryStringParameters": {"a": "1%202"},
    "headers": {"content-type": "application/json", "x-one": None},
    "body": "[1]",
    "isBase64Encoded": False,
}


@pytest.mark.parametrize(
    ("event", "method", "query", "client"),
    [
        pytest.param(REST_API, "POST", "a=1+2&a=3&b%26=%C3%A9", "192.0.2.1", id="REST API"),
        pytest.param(HTTP_API, "PUT", "a=1%202&a=3", "192.0.2.2", id="HTTP API and function URL"),
        pytest.param(LOAD_BALANCER, "POST", "a=1%202", "", id="load balancer"),
        pytest.param({"body": "[1]", "headers": {"content-type": "application/json"}}, "POST", "", "", id="least"),
    ],
)
def test_event_is_read_as_the_request_it_stands_for(
    event: dict[str, Any], method: str, query: str, client: str
) -> None:
    request = request_from_event(json.loads(json.dumps(event)))
    assert (request.method, request.query_string, request.client, request.body) == (method, query, client, b"[1]")
    assert request.path in {"/predict", ""}
    assert request.headers.content_type == "application/json"


def test_event_with_repeated_headers_keeps_them_all() -> None:
    assert request_from_event(REST_API).headers.getlist("x-one") == ["1", "2"]
    assert request_from_event(HTTP_API).headers.get("cookie") == "x=1; y=2"
    assert "x-one" not in request_from_event(LOAD_BALANCER).headers


@pytest.mark.parametrize("event", [{}, {"headers": None, "body": None, "requestContext": None}], ids=["empty", "nulls"])
def test_event_without_anything_is_an_empty_request(event: dict[str, Any]) -> None:
    request = request_from_event(event)
    assert (request.method, request.path, request.body, len(request.headers)) == ("POST", "", b"", 0)


@pytest.mark.parametrize(
    "event", [{"body": "?", "isBase64Encoded": True}, {"body": "é", "isBase64Encoded": True}, {"body": {"a": 1}}]
)
def test_event_whose_body_is_not_what_it_says_is_refused(event: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="the body of the event"):
        request_from_event(event)


def test_answer_that_is_no_text_is_base64() -> None:
    event = event_from_response(HTTPResponse(201, {"Content-Type": "image/png"}, b"\x89PNG"))
    assert event == {
        "statusCode": 201,
        "headers": {"Content-Type": "image/png", "Access-Control-Allow-Origin": "*"},
        "body": "iVBORw==",
        "isBase64Encoded": True,
    }
