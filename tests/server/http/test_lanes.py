"""What both lanes of the front do with connections; raw sockets show what HTTP clients hide."""

from __future__ import annotations

import re
import socket
import time

import pytest

from tests.server.live import LiveServer
from tests.server.raw_http import SLOW_LANE, connection, receive_answers, request


def test_a_head_that_came_before_is_followed_by_the_body_it_declares(server: LiveServer) -> None:
    """Whole, in pieces, with a body that looks like a head, and with the next request right behind it."""
    whole = request(b"POST", b"/echo", b'"0123456"')
    with connection(server) as sock:
        for data in (whole, whole, request(b"POST", b"/echo", b'"\\r\\n\\r"'), whole + whole):
            sock.sendall(data)
            for answer in receive_answers(sock, 2 if data == whole + whole else 1):
                assert (b"0123456" in answer) == data.startswith(whole)
        sock.sendall(whole[:-4])
        time.sleep(0)
        sock.sendall(whole[-4:] + whole)
        assert all(b"0123456" in answer for answer in receive_answers(sock, 2))


def test_keep_alive_serves_many_requests_on_one_connection(server: LiveServer) -> None:
    with connection(server) as sock:
        for number in range(20):
            sock.sendall(request(b"POST", b"/echo", str(number).encode()))
            (answer,) = receive_answers(sock, 1)
            assert b'"obj": %d,' % number in answer


def test_pipelined_requests_of_both_lanes_are_answered_in_order(server: LiveServer) -> None:
    parts = [
        request(b"POST", b"/wait_for", b"0.3", b"X-Request-Id: 0"),
        request(b"POST", b"/total", b"[[1]]", b"X-Request-Id: 1"),
        request(b"GET", b"/healthz", b"", b"X-Request-Id: 2"),
        request(b"POST", b"/echo", b"3", b"X-Request-Id: 3", SLOW_LANE.strip()),
        request(b"POST", b"/total", b"{bad", b"X-Request-Id: 4"),
        request(b"POST", b"/nowhere", b"", b"X-Request-Id: 5"),
        request(b"POST", b"/wait_for", b"0", b"X-Request-Id: 6"),
    ]
    with connection(server) as sock:
        sock.sendall(b"".join(parts))
        answers = receive_answers(sock, len(parts))
    assert [re.search(rb"x-request-id: (\d)", answer)[1] for answer in answers] == [b"%d" % n for n in range(7)]  # type: ignore[index]
    assert [answer.split()[1] for answer in answers] == [b"200", b"200", b"200", b"200", b"400", b"404", b"200"]


def test_a_thousand_pipelined_requests_are_answered_in_order(server: LiveServer) -> None:
    with connection(server) as sock:
        sock.sendall(b"".join(request(b"POST", b"/total", b"[[%d]]" % number) for number in range(1000)))
        answers = receive_answers(sock, 1000)
    assert [answer.rpartition(b"\r\n\r\n")[2] for answer in answers] == [b"[%d]" % number for number in range(1000)]


@pytest.mark.parametrize("step", [1, 7], ids=["byte-by-byte", "in-sevens"])
def test_request_in_small_pieces_is_understood(server: LiveServer, step: int) -> None:
    message = request(b"POST", b"/total", b"[[1, 2]]", b"Content-Type: application/json")
    with connection(server) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for start in range(0, len(message), step):
            sock.sendall(message[start : start + step])
        (answer,) = receive_answers(sock, 1)
    assert answer.endswith(b"\r\n\r\n[3]")


def test_chunked_request_is_understood(server: LiveServer) -> None:
    head = b"POST /total HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    with connection(server) as sock:
        sock.sendall(head + b"3\r\n[[1\r\n5\r\n, 2]]\r\n0\r\n\r\n")
        (answer,) = receive_answers(sock, 1)
    assert answer.endswith(b"[3]")


def test_expect_continue_is_answered_before_the_body(server: LiveServer) -> None:
    message = request(b"POST", b"/total", b"[[1, 2]]", SLOW_LANE.strip())
    head, _, body = message.partition(b"\r\n\r\n")
    with connection(server) as sock:
        sock.sendall(head + b"\r\n\r\n")
        assert sock.recv(1000).startswith(b"HTTP/1.1 100 Continue")
        sock.sendall(body)
        (answer,) = receive_answers(sock, 1)
    assert answer.endswith(b"[3]")


def test_http_1_0_closes_after_the_answer(server: LiveServer) -> None:
    with connection(server) as sock:
        sock.sendall(request(b"POST", b"/total", b"[[1, 2]]", version=b"1.0"))
        (answer,) = receive_answers(sock, 1)
        assert b"connection: close\r\n" in answer
        assert sock.recv(10) == b""


def test_bytes_that_are_no_request_are_answered_400(server: LiveServer) -> None:
    with connection(server) as sock:
        sock.sendall(b"\x16\x03\x01 hello\r\n\r\n")
        (answer,) = receive_answers(sock, 1)
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert b"x-request-id: " in answer
        assert sock.recv(10) == b""


def test_client_that_leaves_disturbs_nobody(server: LiveServer) -> None:
    for _ in range(5):
        with connection(server) as sock:
            sock.sendall(request(b"POST", b"/wait_for", b"5"))
        with connection(server) as sock:
            sock.sendall(request(b"POST", b"/picky", b'"x"') * 10)
    assert server.client.post("/picky", json="here").json() == {"seen": "here"}


@pytest.mark.parametrize("extra", [[], [SLOW_LANE.strip()]], ids=["fast", "slow"])
def test_client_that_leaves_takes_all_its_pipelined_requests_along(server: LiveServer, extra: list[bytes]) -> None:
    with connection(server) as sock:
        sock.sendall(request(b"POST", b"/wait_for", b"20", *extra) * 3)
        wait_for_in_progress(server, 3)
    wait_for_in_progress(server, 0)


def wait_for_in_progress(server: LiveServer, count: int) -> None:
    line = f'BENTOML_Everything_mb_request_in_progress{{endpoint="wait_for",http_method="POST"}} {count}.0'
    end_s = time.monotonic() + 10
    while line not in server.client.get("/metrics").text:
        assert time.monotonic() < end_s
