"""Cross-origin requests through both lanes of the front: the answers are the same, byte for byte."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bentoml.server.options.tokens import digest_of
from tests.server.http.test_same_answers import CASES, Case, exchange
from tests.server.live import LiveServer, live_server
from tests.server.raw_http import asgi_path, connection, receive_all, receive_answers, request
from tests.server.supervision.test_reload import wait_until

APP = b"http://app.example"
CONFIG = """
bento_server:
  body_timeout_s: 1
  cors:
    enabled: true
    access_control_allow_origin: http://app.example, null
"""


@pytest.fixture(scope="module")
def server(everything_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    home = tmp_path_factory.mktemp("cors-home")
    (home / "bentoml.yml").write_text(CONFIG)
    with live_server(everything_bundle, home=home) as running:
        yield running


def granted(answer: bytes) -> list[bytes]:
    """The origins that may read an answer."""
    head = answer.partition(b"\r\n\r\n")[0]
    assert head.count(b"\r\nvary: origin") == 1, head
    return re.findall(rb"\r\naccess-control-allow-origin: ([^\r]*)", head)


NAMES = [
    "frame",
    "no-id",
    "get",
    "large-in-pieces",
    "chunked",
    "204",
    "304",
    "malformed",
    "own-status",
    "unknown-path",
    "other-method",
    "time-out",
    "too-large",
    "too-large-chunked",
    "user-error",
    "1.0",
    "expect",
]


@pytest.mark.parametrize("name", NAMES)
def test_both_lanes_say_the_same_about_origins(server: LiveServer, name: str) -> None:
    case = CASES[name]
    origins = (APP, b"http://other.example", None) if name in {"frame", "user-error"} else (APP,)
    for origin in origins:
        fields = (b"Origin: %b" % origin,) if origin else ()
        with_origin = replace(case, headers=(*fields, *case.headers))
        fast = exchange(server, with_origin, case.path)
        assert server.client.post("/echo", json=1).status_code == 200
        assert fast == exchange(server, with_origin, asgi_path(case.path))
        assert granted(fast.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")) == ([origin] if origin == APP else [])


def test_a_head_that_came_before_gets_the_same_lines(server: LiveServer) -> None:
    with connection(server) as sock:
        for origin in (APP, b"null", b"http://other.example", APP):
            for _ in range(2):
                sock.sendall(request(b"POST", b"/echo", b"1", b"Origin: %b" % origin))
                assert granted(receive_answers(sock, 1)[0]) == ([origin] if origin != b"http://other.example" else [])


@pytest.mark.parametrize("path", [b"/hurried", asgi_path(b"/hurried")], ids=["fast", "slow"])
def test_request_that_is_refused_for_load_may_be_read(server: LiveServer, path: bytes) -> None:
    with connection(server) as sock:
        sock.sendall(request(b"POST", b"/hurried", b"1.5"))
        assert receive_answers(sock, 1)[0].startswith(b"HTTP/1.1 408 ")
        answer = exchange(server, Case(429, b"POST", b"/hurried", b"0", (b"Origin: %b" % APP,)), path)
    assert answer.startswith(b"HTTP/1.1 429 ")
    assert granted(answer) == [APP]
    assert b"\r\naccess-control-expose-headers: Retry-After, X-Request-Id\r\n" in answer


@pytest.mark.parametrize(
    ("message", "status"),
    [
        pytest.param(b"POST /echo HTTP/1.1\r\nOrigin: %b\r\nContent-Length: 9\r\n\r\n1" % APP, 408, id="slow body"),
        pytest.param(b"POST /echo HTTP/1.1\r\nOrigin: %b\r\nX: %b\r\n\r\n" % (APP, b"x" * 70_000), 431, id="long head"),
        pytest.param(b"POST /echo HTTP/1.1\r\nOrigin: %b\r\nExpect: tea\r\n\r\n" % APP, 417, id="expectation"),
    ],
)
def test_request_that_is_not_read_to_its_end_may_be_read(server: LiveServer, message: bytes, status: int) -> None:
    with connection(server) as sock:
        sock.sendall(message)
        answer = receive_all(sock)
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert granted(answer) == [APP]


@pytest.mark.parametrize("path", ["/echo", "/%65cho", "/docs.json", "/", "/static_content/page.js", "/nowhere"])
def test_preflight_of_every_path_is_answered_200_and_counted(server: LiveServer, path: str) -> None:
    headers = {"Origin": APP.decode(), "Access-Control-Request-Method": "POST"}
    answer = server.client.options(path, headers=headers)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["access-control-allow-origin"] == APP.decode()
    assert answer.headers["access-control-allow-methods"] == "GET, HEAD, POST"
    assert answer.headers["x-request-id"]
    denied = server.client.options(path, headers={**headers, "Origin": "http://other.example"})
    assert "access-control-allow-origin" not in denied.headers
    text = server.client.get("/metrics").text
    outcomes = dict(re.findall(r'_ledger_total\{outcome="(\w+)"\} ([\d.]+)', text))
    in_flight = re.search(r"_in_flight ([\d.]+)", text)
    assert in_flight is not None
    assert float(in_flight[1]) == 0
    assert float(outcomes.pop("accepted")) == sum(map(float, outcomes.values()))


@pytest.fixture
def guarded(everything_bundle: Path, tmp_path: Path) -> Iterator[LiveServer]:
    (tmp_path / "bentoml.yml").write_text(
        f"{CONFIG}\n  management_port: 0\n  auth: {{inference_tokens: ['{digest_of('a-token-of-a-client')}']}}\n"
    )
    with live_server(everything_bundle, home=tmp_path) as running:
        yield running


def test_token_and_management_port_are_no_way_around_it(guarded: LiveServer) -> None:
    wait_until(lambda: "* Press Ctrl-C" in guarded.output(), "wrote its banner", guarded)
    (management,) = re.findall(r"Swagger UI: (http://127\.0\.0\.1:\d+)/docs", guarded.output())
    origin, token = {"Origin": APP.decode()}, {"X-API-Key": "a-token-of-a-client"}
    for url in (guarded.url, management):
        for path in ("/echo", "/%65cho"):
            refused = guarded.client.post(url + path, json=1, headers=origin)
            answered = guarded.client.post(url + path, json=1, headers=origin | token)
            asked = guarded.client.options(url + path, headers=origin | {"Access-Control-Request-Method": "POST"})
            assert [answer.status_code for answer in (refused, answered, asked)] == [401, 200, 200]
            for answer in (refused, answered, asked):
                assert answer.headers["access-control-allow-origin"] == APP.decode()
