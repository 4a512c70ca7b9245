"""Clients that have ended their sending get their answers; those that are gone are noticed, and their calls let go."""

from __future__ import annotations

import re
import socket
import struct
import time

import pytest

from tests.server.live import LiveServer
from tests.server.raw_http import asgi_path, connection, receive_all, request

LANES = pytest.mark.parametrize("path", [b"/wait_for", asgi_path(b"/wait_for")], ids=["fast", "slow"])


def bodies(data: bytes) -> list[bytes]:
    """Bodies of the answers, each of which must be whole and a 200."""
    found = []
    while data:
        head, _, data = data.partition(b"\r\n\r\n")
        if head.startswith(b"HTTP/1.1 100 Continue"):
            continue
        assert head.startswith(b"HTTP/1.1 200 "), head
        length = re.search(rb"content-length: (\d+)", head)
        assert length is not None
        found.append(data[: int(length[1])])
        data = data[int(length[1]) :]
    return found


@LANES
def test_client_that_ends_its_sending_gets_its_answer_as_usual(server: LiveServer, path: bytes) -> None:
    with connection(server) as sock:
        sock.sendall(request(b"POST", path, b"0", b"X-Request-Id: half"))
        sock.shutdown(socket.SHUT_WR)
        answer = receive_all(sock)
    assert bodies(answer) == [b"0"]
    # Where the end of the sending came after the answer was written, the answer does not know of it.
    assert re.search(rb"\r\nx-request-id: half\r\n(connection: close\r\n)?\r\n0$", answer)


@LANES
def test_client_that_ends_its_sending_gets_an_answer_that_takes_long(server: LiveServer, path: bytes) -> None:
    with connection(server) as sock:
        sock.sendall(request(b"POST", path, b"1.5"))
        sock.shutdown(socket.SHUT_WR)
        answer = receive_all(sock)
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")
    assert bodies(answer) == [b"1.5"]


@LANES
def test_client_of_http_1_0_that_ends_its_sending_gets_its_answer_alone(server: LiveServer, path: bytes) -> None:
    with connection(server) as sock:
        sock.sendall(request(b"POST", path, b"1.0", version=b"1.0"))
        sock.shutdown(socket.SHUT_WR)
        answer = receive_all(sock)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert bodies(answer) == [b"1.0"]


@LANES
@pytest.mark.parametrize("rest", [b"", b"POST /ec", request(b"POST", b"/echo", b"12345")[:-1]])
def test_all_complete_requests_are_answered_in_order(server: LiveServer, path: bytes, rest: bytes) -> None:
    with connection(server) as sock:
        sock.sendall(request(b"POST", path, b"0.4") + request(b"POST", b"/total", b"[[1]]") * 40 + rest)
        sock.shutdown(socket.SHUT_WR)
        answer = receive_all(sock)
    assert bodies(answer) == [b"0.4"] + [b"[1]"] * 40


def test_request_that_is_not_complete_at_the_end_of_sending_is_not_answered(server: LiveServer) -> None:
    for message in (b"POST /ec", request(b"POST", b"/echo", b"12345")[:-1], b""):
        with connection(server) as sock:
            sock.sendall(message)
            sock.shutdown(socket.SHUT_WR)
            assert receive_all(sock) == b""


def test_client_that_ends_its_sending_between_two_requests_is_let_go(server: LiveServer) -> None:
    with connection(server) as sock:
        sock.sendall(request(b"POST", b"/total", b"[[1]]"))
        assert sock.recv(1000).endswith(b"[1]")
        sock.shutdown(socket.SHUT_WR)
        assert sock.recv(1) == b""


@LANES
@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("count", [1, 3, 40])
@pytest.mark.parametrize("extra", [b"X: y", b"Connection: close"], ids=["keep-alive", "closing"])
def test_calls_of_a_client_that_is_gone_are_let_go(
    server: LiveServer, path: bytes, how: str, count: int, extra: bytes
) -> None:
    with connection(server) as sock:
        sock.sendall(request(b"POST", path, b"60") * (count - 1) + request(b"POST", path, b"60", extra))
        wait_for_calls(server, some=True)
        if how == "reset":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wait_for_calls(server, some=False)


def wait_for_calls(server: LiveServer, *, some: bool) -> None:
    """Wait until calls are in progress, or none is."""
    number = re.compile(r'BENTOML_Everything_mb_request_in_progress{endpoint="wait_for",http_method="POST"} (\d+)')
    end_s = time.monotonic() + 20
    while True:
        found = number.search(server.client.get("/metrics").text)
        if found is not None and (int(found[1]) > 0) is some:
            return
        assert time.monotonic() < end_s
        time.sleep(0.02)  # between looks at the real thing, under a deadline
