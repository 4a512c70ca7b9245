"""What could not be read is refused in the form that its head asks for, as far as it was read, and under its id."""

from __future__ import annotations

import json
import re

import pytest

from tests.server.live import LiveServer
from tests.server.raw_http import connection, receive_all, request

GOOD = request(b"POST", b"/echo", b"1", b"X-Request-Id: before", b"Accept: application/json")
ACCEPT = b"Accept: application/json"
ID = b"X-Request-Id: mine"


def last_answer(server: LiveServer, message: bytes) -> tuple[bytes, bytes]:
    """Head and body of the last answer on a connection that the server closes."""
    with connection(server) as sock:
        sock.sendall(message)
        answers = receive_all(sock)
    head, _, body = answers[answers.rindex(b"HTTP/1.1 ") :].partition(b"\r\n\r\n")
    return head, body


def raw(*lines: bytes) -> bytes:
    return b"\r\n".join((b"POST /echo HTTP/1.1", b"Host: x", *lines, b"", b""))


@pytest.mark.parametrize("before", [b"", GOOD, GOOD * 3], ids=["first", "second", "in-a-pipeline"])
@pytest.mark.parametrize(
    ("message", "status", "code"),
    [
        pytest.param(raw(ID, ACCEPT, b"X-A: 1", b"A B: 1"), 400, "bad_request", id="header"),
        pytest.param(raw(ID, ACCEPT, b"Transfer-Encoding: chunked") + b"zz\r\n", 400, "bad_request", id="chunk"),
        pytest.param(raw(ID, ACCEPT, b"Expect: tea"), 417, "unknown_expectation", id="expectation"),
        pytest.param(raw(ID, ACCEPT, *[b"X-A: 1"] * 200), 431, "head_too_large", id="headers"),
        pytest.param(raw(ID, ACCEPT, b"X-A: " + b"x" * 70_000), 431, "head_too_large", id="head"),
    ],
)
def test_refusal_as_json_has_code_and_id(
    server: LiveServer, before: bytes, message: bytes, status: int, code: str
) -> None:
    head, body = last_answer(server, before + message)
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert b"\r\ncontent-type: application/json\r\n" in head
    assert b"\r\nx-request-id: mine" in head
    assert b"\r\ncontent-length: %d\r\n" % len(body) in head
    error = json.loads(body)["error"]
    assert (error["code"], error["request_id"]) == (code, "mine")
    assert error["message"]


@pytest.mark.parametrize(
    ("message", "status", "text"),
    [
        pytest.param(raw(ID, b"X-A: 1", b"A B: 1"), 400, b"Invalid HTTP request received.", id="no-accept"),
        pytest.param(
            raw(ID, b"Accept: text/html,*/*;q=0.1", b"X-A: 1", b"A B: 1"),
            400,
            b"Invalid HTTP request received.",
            id="a-browser",
        ),
        pytest.param(
            raw(ID, b"Expect: tea", ACCEPT),
            417,
            b"The only expectation that can be met is 100-continue",
            id="accept-later",
        ),
    ],
)
def test_refusal_as_text_has_the_id(server: LiveServer, message: bytes, status: int, text: bytes) -> None:
    head, body = last_answer(server, message)
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert b"\r\nx-request-id: mine" in head
    assert body == text


def test_garbage_after_a_request_is_not_refused_under_its_id(server: LiveServer) -> None:
    head, body = last_answer(server, GOOD + b"\0\1 garbage\r\n\r\n")
    assert body == b"Invalid HTTP request received."
    found = re.search(rb"x-request-id: (\S+)", head)
    assert found is not None
    assert found[1] != b"before"
