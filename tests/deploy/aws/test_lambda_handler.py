"""A saved bundle answers events through the real client of the runtime of Lambda."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from bentoml.deploy.aws.function_image import HANDLER
from bentoml.deploy.aws.lambda_handler import load_handler
from bentoml.exceptions import BentoMLException
from tests.cli.saved_home import SavedHome
from tests.deploy.aws.runtime_api import running_function

pytestmark = pytest.mark.environment("aws")

CLIENT = [sys.executable, "-m", "awslambdaric", HANDLER]
HTTP_API = {
    "version": "2.0",
    "rawPath": "/scale",
    "rawQueryString": "",
    "headers": {"content-type": "application/json"},
    "requestContext": {"http": {"method": "POST", "path": "/scale", "sourceIp": "192.0.2.1"}},
    "body": "14",
    "isBase64Encoded": False,
}
REST_API = {
    "httpMethod": "POST",
    "path": "/scale",
    "headers": {"Content-Type": "application/json"},
    "multiValueHeaders": {"Content-Type": ["application/json"]},
    "requestContext": {"identity": {"sourceIp": "192.0.2.1"}},
    "body": "14",
}
BALANCER = {**REST_API, "requestContext": {"elb": {"targetGroupArn": "arn"}}, "isBase64Encoded": False}
FUNCTION_URL = {**HTTP_API, "rawPath": "/", "body": base64.b64encode(b"14").decode(), "isBase64Encoded": True}
EVENTS: dict[str, dict[str, Any]] = {
    "http-api": HTTP_API,
    "rest-api": REST_API,
    "load-balancer": BALANCER,
    "function-url": FUNCTION_URL,
}


def test_events_of_all_sources_are_answered(saved: SavedHome) -> None:
    with running_function(CLIENT, saved.bundle, {"BENTOML_LAMBDA_API": "scale"}) as runtime:
        for name, event in EVENTS.items():
            kind, answer = runtime.invoke(event)
            assert kind == "response", (name, answer)
            assert answer["statusCode"] == 200, (name, answer)
            assert json.loads(answer["body"]) == 42, name
            assert answer["headers"]["Access-Control-Allow-Origin"] == "*"
        kind, answer = runtime.invoke({**HTTP_API, "body": "{no json"})
        assert (kind, answer["statusCode"]) == ("response", 400)
        kind, answer = runtime.invoke({**FUNCTION_URL, "body": "?"})
        assert (kind, answer["statusCode"]) == ("response", 400)


def test_event_whose_api_fails_is_answered_with_500(saved: SavedHome) -> None:
    with running_function(CLIENT, saved.bundle, {"BENTOML_LAMBDA_API": "fail"}) as runtime:
        kind, answer = runtime.invoke(HTTP_API)
    assert (kind, answer["statusCode"]) == ("response", 500)


@pytest.mark.parametrize(
    ("variables", "said"),
    [({"BENTOML_LAMBDA_API": "guess"}, "guess"), ({}, "say which one: BENTOML_LAMBDA_API=NAME")],
    ids=["no-such-api", "several"],
)
def test_start_when_there_is_no_one_api_tells_lambda(saved: SavedHome, variables: dict[str, str], said: str) -> None:
    with running_function(CLIENT, saved.bundle, {"BENTOML_LAMBDA_API": "", **variables}) as runtime:
        kind, answer = runtime.answer()
        assert runtime.process.wait(30) == 1
    assert kind == "error"
    assert said in answer["errorMessage"]


def test_handler_when_there_is_no_bundle_says_so(tmp_path: Path) -> None:
    with pytest.raises(BentoMLException):
        load_handler(tmp_path, None)


def test_module_has_the_handler_alone() -> None:
    from bentoml.deploy.aws import lambda_handler

    with pytest.raises(AttributeError, match="handlers"):
        lambda_handler.handlers  # noqa: B018


def test_handler_answers_as_the_api_does(saved: SavedHome) -> None:
    handle = load_handler(saved.bundle, "scale")
    answer: dict[str, Any] = handle({"body": "2"}, object())
    assert json.loads(answer["body"]) == 6
