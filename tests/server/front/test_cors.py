from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Message

from bentoml.server.front.cors import Cors
from bentoml.server.http.heads import MAX_KEPT, MAX_KEPT_BYTES
from bentoml.server.options.cors_options import CorsOptions
from tests.server.asgi_client import Answer, AsgiClient

APP = "https://app.example.com"
OTHER = "https://other.example"
TEXT = b"content-type: text/plain\r\n"


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Answers 429; with the query `own` it says something about other origins itself."""
    headers = {"retry-after": "1", "vary": "accept"}
    if scope["query_string"] == b"own":
        headers |= {"Access-Control-Allow-Origin": "*", "access-control-max-age": "1"}
    response: Response = PlainTextResponse(f"{Request(scope).method}", 429, headers)
    await response(scope, receive, send)


def ask(options: CorsOptions, method: str = "GET", path: str = "/", **headers: str) -> Answer:
    client = AsgiClient(Cors(options).around(application))
    return client.request(method, path, {name.replace("_", "-"): value for name, value in headers.items()})


def said(answer: Answer) -> dict[str, str]:
    """What an answer says about other origins."""
    return {
        name.removeprefix("access-control-"): value
        for name, value in answer.headers.items()
        if name.startswith("access-control-")
    }


def preflight(options: CorsOptions, origin: str = APP, method: str = "POST", **headers: str) -> Answer:
    return ask(options, "OPTIONS", origin=origin, access_control_request_method=method, **headers)


def test_answer_to_an_allowed_origin_may_be_read_and_varies() -> None:
    answer = ask(CorsOptions((APP, OTHER)), origin=APP)
    assert said(answer) == {"allow-origin": APP, "expose-headers": "Retry-After, X-Request-Id"}
    assert answer.headers.get_list("vary") == ["origin", "accept"]
    assert (answer.status_code, answer.text) == (429, "GET")


@pytest.mark.parametrize(
    "origin", [OTHER, "null", f"{APP}.evil.example", f"{APP}:8443", "http://app.example.com", "*", ""]
)
def test_answer_to_any_other_origin_may_not_be_read_and_varies_too(origin: str) -> None:
    answer = ask(CorsOptions((APP,)), origin=origin)
    assert said(answer) == {}
    assert "origin" in answer.headers.get_list("vary")


def test_answer_to_a_request_without_origin_varies_too() -> None:
    answer = ask(CorsOptions((APP,)))
    assert said(answer) == {}
    assert "origin" in answer.headers.get_list("vary")


@pytest.mark.parametrize("headers", [{}, {"origin": APP}, {"origin": "null"}])
def test_answer_when_all_origins_are_allowed_is_the_same_for_everybody(headers: dict[str, str]) -> None:
    answer = ask(CorsOptions(("*",)), **headers)
    assert said(answer)["allow-origin"] == "*"
    assert answer.headers.get_list("vary") == ["accept"]


def test_answer_to_the_null_origin_may_be_read_only_when_it_is_named() -> None:
    assert said(ask(CorsOptions((APP, "null")), origin="null"))["allow-origin"] == "null"


def test_answer_with_credentials_says_so_to_allowed_origins_only() -> None:
    options = CorsOptions((APP,), credentials=True)
    assert said(ask(options, origin=APP))["allow-credentials"] == "true"
    assert said(ask(options, origin=OTHER)) == {}


def test_answer_that_says_something_itself_is_overruled() -> None:
    for origin in (APP, OTHER):
        assert "max-age" not in said(ask(CorsOptions((APP,)), path="/?own", origin=origin))
    answer = ask(CorsOptions((APP,)), path="/?own", origin=APP)
    assert answer.headers.get_list("access-control-allow-origin") == [APP]
    head = Cors(CorsOptions((APP,))).head(b"", b"access-control-allow-origin: *\r\nx: access-control-\r\n" + TEXT)
    assert head == b"vary: origin\r\nx: access-control-\r\n" + TEXT


@pytest.mark.parametrize("options", [CorsOptions(("*",)), CorsOptions((APP, "null"), credentials=False)], ids=repr)
@pytest.mark.parametrize(
    "fields",
    [
        b"",
        b"host: x\r\n",
        b"origin: https://app.example.com\r\n",
        b"host: x\r\norigin: https://app.example.com\r\naccept: */*\r\n",
        b"host: x\r\norigin: null\r\norigin: https://app.example.com\r\n",
        b"host: x\r\nx-origin: https://app.example.com\r\n",
        b"x: origin: https://app.example.com\r\n",
        b"origin: https://other.example\r\n",
        b"origin: \r\n",
    ],
)
def test_head_has_the_lines_that_the_application_sends(options: CorsOptions, fields: bytes) -> None:
    cors = Cors(options)
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [tuple(line.split(b": ", 1)) for line in fields.split(b"\r\n")[:-1]]
    scope: Any = {"type": "http", "method": "POST", "path": "/", "headers": headers, "query_string": b""}
    asyncio.run(cors.around(application)(scope, None, send))  # type: ignore[arg-type]
    lines = b"".join(b"%b: %b\r\n" % pair for pair in sent[0]["headers"])
    own = lines[lines.index(b"retry-after") :]
    assert cors.head(fields, own) == lines


def test_head_of_requests_that_differ_each_time_keeps_a_bounded_number_of_them() -> None:
    cors = Cors(CorsOptions((APP,)))
    allowed = b"origin: %b\r\n" % APP.encode()
    for number in range(3 * MAX_KEPT):
        fields = b"x: %d\r\n" % number
        assert b"allow-origin" not in cors.head(fields, TEXT)
        assert b"allow-origin" in cors.head(fields + allowed, TEXT)
    cors.head(b"x: %b\r\n" % (b"x" * MAX_KEPT_BYTES), TEXT)
    assert len(cors._known) <= MAX_KEPT
    assert max(map(len, cors._known)) <= MAX_KEPT_BYTES


def test_preflight_of_an_allowed_origin_lists_what_is_allowed() -> None:
    options = CorsOptions((APP,), credentials=True, methods=("POST",), headers=("Content-Type", "X-A"), max_age_s=600)
    answer = preflight(options, access_control_request_headers="x-b")
    assert said(answer) == {
        "allow-origin": APP,
        "allow-credentials": "true",
        "allow-methods": "POST",
        "allow-headers": "Content-Type, X-A",
        "max-age": "600",
    }
    assert (answer.status_code, answer.content, answer.headers["vary"]) == (200, b"", "origin")


def test_preflight_when_everything_is_allowed_sends_back_what_it_asks_for() -> None:
    options = CorsOptions((APP,), methods=("*",), headers=("*",), credentials=True)
    answer = preflight(options, method="PATCH", access_control_request_headers="authorization,x-a")
    assert said(answer)["allow-methods"] == "PATCH"
    assert said(answer)["allow-headers"] == "authorization,x-a"
    assert "allow-headers" not in said(preflight(options))


@pytest.mark.parametrize("asked", ["x-a;evil", 'x"', "x" * 5000, "a:b"])
def test_preflight_that_asks_for_no_names_gets_none_of_them_back(asked: str) -> None:
    assert "allow-headers" not in said(
        preflight(CorsOptions((APP,), headers=("*",)), access_control_request_headers=asked)
    )


def test_preflight_when_all_origins_are_allowed_says_so() -> None:
    answer = preflight(CorsOptions(("*",)))
    assert said(answer)["allow-origin"] == "*"
    assert "vary" not in answer.headers


def test_preflight_of_any_other_origin_is_answered_as_without_cors() -> None:
    answer = preflight(CorsOptions((APP,)), origin=OTHER)
    assert (answer.status_code, answer.text, said(answer)) == (429, "OPTIONS", {})


def test_options_without_a_method_to_ask_for_is_no_preflight() -> None:
    assert ask(CorsOptions((APP,)), "OPTIONS", origin=APP).text == "OPTIONS"
    assert ask(CorsOptions((APP,)), "OPTIONS", access_control_request_method="GET").text == "OPTIONS"
