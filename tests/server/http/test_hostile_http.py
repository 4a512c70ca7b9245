"""Clients that break the rules of HTTP, and rare ones that keep them: nobody else is hurt, and nothing grows."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from pathlib import Path

import pytest

from tests.server.bench import Bench
from tests.server.live import LiveServer
from tests.server.raw_http import SLOW_LANE, connection, receive_answers, request

LANES = pytest.mark.parametrize("lane", [b"", SLOW_LANE], ids=["fast", "slow"])


def statuses(answers: list[bytes]) -> list[bytes]:
    return [answer.split()[1] for answer in answers]


def test_two_request_ids_are_read_the_same_in_both_lanes(server: LiveServer) -> None:
    for extra in ([], [SLOW_LANE.strip()]):
        with connection(server) as sock:
            sock.sendall(request(b"POST", b"/echo", b"1", b"X-Request-Id: a", b"X-Request-Id: b", *extra))
            (answer,) = receive_answers(sock, 1)
        assert b"x-request-id: a\r\n" in answer
        assert b'"id": "a"' in answer


@LANES
def test_fields_after_a_chunked_body_are_no_headers(server: LiveServer, lane: bytes) -> None:
    head = b"POST /echo HTTP/1.1\r\nHost: x\r\n%bTransfer-Encoding: chunked\r\n\r\n" % lane
    with connection(server) as sock:
        sock.sendall(head + b"1\r\n7\r\n0\r\nX-Request-Id: late\r\nContent-Encoding: gzip\r\n\r\n")
        sock.sendall(request(b"POST", b"/echo", b"8"))
        answers = receive_answers(sock, 2)
    assert statuses(answers) == [b"200", b"200"]
    assert b"late" not in answers[0]


@pytest.mark.parametrize(
    "head",
    [
        b"POST /total HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n",
        b"POST /total HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nExpect: 100-continue\r\n",
        b"POST /total HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\n",
    ],
    ids=["h2c", "websocket", "not-meant"],
)
def test_wish_for_another_protocol_is_ignored(server: LiveServer, head: bytes) -> None:
    message = head + b"Content-Length: 7\r\n\r\n[[1,2]]"
    with connection(server) as sock:
        sock.sendall(message * 3 + request(b"POST", b"/total", b"[[4]]"))
        answers = receive_answers(sock, 4)
        sock.sendall(message[:50])
        sock.sendall(message[50:])
        answers += receive_answers(sock, 1)
    assert [answer.rpartition(b"\r\n\r\n")[2] for answer in answers] == [b"[3]", b"[3]", b"[3]", b"[4]", b"[3]"]


@pytest.mark.parametrize("target", [b"example.org:80", b"/total"])
def test_connect_is_refused_and_ends_the_connection(server: LiveServer, target: bytes) -> None:
    with connection(server) as sock:
        sock.sendall(b"CONNECT " + target + b" HTTP/1.1\r\nHost: x\r\n\r\n")
        (answer,) = receive_answers(sock, 1)
        assert sock.recv(10) == b""
    assert statuses([answer]) == [b"400"]


@pytest.mark.parametrize(
    "bad",
    [b"\0\1 garbage\r\n\r\n", b"POST /total HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"],
    ids=["no-request", "bad-chunk"],
)
@LANES
def test_requests_before_an_unreadable_one_are_answered_first(server: LiveServer, bad: bytes, lane: bytes) -> None:
    good = [request(b"POST", b"/wait_for", b"0.2", *lane.split(b"\r\n")[:-1]) for _ in range(2)]
    with connection(server) as sock:
        sock.sendall(b"".join(good) + bad)
        answers = receive_answers(sock, 3)
        assert sock.recv(10) == b""
    assert statuses(answers) == [b"200", b"200", b"400"]


@LANES
def test_body_that_breaks_off_its_encoding_is_answered_400_once(server: LiveServer, lane: bytes) -> None:
    with connection(server) as sock:
        sock.sendall(b"POST /total HTTP/1.1\r\n%bTransfer-Encoding: chunked\r\n\r\n3\r\n[[1\r\nzz\r\n" % lane)
        (answer,) = receive_answers(sock, 1)
        assert sock.recv(10) == b""
    assert statuses([answer]) == [b"400"]


@pytest.mark.parametrize(
    "head",
    [
        b"POST /total HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /total HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
        b"POST /total HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n[1]]",
        b"POST /total HTTP/1.1\r\nContent-Length: +3\r\n\r\n[1]",
        b"POST /total HTTP/1.1\r\nContent-Length:\r\n\r\n",
        b"POST /total HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
        b"POST /total HTTP/1.1\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        b"POST /total HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        b"POST /total HTTP/1.1\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        b"POST /total HTTP/1.1\r\nX: a\r\n folded: 1\r\nContent-Length: 0\r\n\r\n",
        b"POST /total HTTP/1.1\nContent-Length: 0\n\n",
        b"POST /total HTTP/1.1\r\nX: a\0b\r\n\r\n",
    ],
)
def test_request_that_could_be_read_in_two_ways_is_refused_and_ends_the_connection(
    server: LiveServer, head: bytes
) -> None:
    with connection(server) as sock:
        sock.sendall(head + request(b"POST", b"/echo", b'"smuggled"'))
        (answer,) = receive_answers(sock, 1)
        assert sock.recv(10) == b""
    assert statuses([answer]) == [b"400"]
    assert b"x-request-id: " in answer


@pytest.mark.parametrize(
    "parts",
    [
        [request(b"POST", b"/total", b"", *(b"X-%d: 1" % number for number in range(500)))],
        [request(b"POST", b"/total", b"", b"X: " + b"a" * 70_000)],
        [request(b"POST", b"/total?" + b"a" * 70_000, b"")],
        [b"POST /total?" + b"a" * 1000, *[b"a" * 100_000] * 20],
        [b"POST /total HTTP/1.1\r\nX: ", *[b"a" * 100_000] * 20],
    ],
    ids=["count", "header", "url", "endless-url", "endless-header"],
)
def test_head_over_the_limit_is_answered_431(server: LiveServer, parts: list[bytes]) -> None:
    with connection(server) as sock:
        try:
            for part in parts:
                sock.sendall(part)
        except OSError:
            assert len(parts) > 1  # closed while we were still sending
        else:
            (answer,) = receive_answers(sock, 1)
            assert statuses([answer]) == [b"431"]
            return
    assert server.client.get("/livez").status_code == 200


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"".join(b"X-%d: 1\r\n" % number for number in range(500)), b"431"),
        (b"Expect: tea\r\n", b"417"),
        (b"no header\r\n", b"400"),
    ],
)
def test_refused_head_is_told_apart_also_while_another_error_is_handled(head: bytes, status: bytes) -> None:
    """As it can be on the event loop of the standard library."""

    async def scenario() -> None:
        protocol, transport = Bench().connect()
        try:
            int("x")
        except ValueError:
            protocol.data_received(b"POST /predict HTTP/1.1\r\n%b\r\n" % head)
        assert transport.written.split()[1] == status

    asyncio.run(scenario())


def test_endless_field_after_a_body_ends_the_connection(server: LiveServer) -> None:
    def send_for_ever(sock: socket.socket) -> None:
        sock.sendall(b"POST /total HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: ")
        for _ in range(1000):
            sock.sendall(b"a" * 100_000)

    with connection(server) as sock, pytest.raises((BrokenPipeError, ConnectionResetError)):
        send_for_ever(sock)


@LANES
def test_many_bodies_in_pieces_on_one_connection_are_each_within_the_limit(server: LiveServer, lane: bytes) -> None:
    body = json.dumps("x" * (8 << 20)).encode()
    with connection(server) as sock:
        for _ in range(4):
            sock.sendall(request(b"POST", b"/length", body, *lane.split(b"\r\n")[:-1]))
            (answer,) = receive_answers(sock, 1)
            assert answer.endswith(b"\r\n\r\n%d" % (8 << 20))


@LANES
def test_large_bodies_in_a_pipeline_are_each_answered(server: LiveServer, lane: bytes) -> None:
    body = json.dumps("x" * (3 << 20)).encode()
    one = request(b"POST", b"/length", body, *lane.split(b"\r\n")[:-1])
    with connection(server) as sock:
        sock.sendall(request(b"POST", b"/wait_for", b"0.2") + one * 4)
        answers = receive_answers(sock, 5)
    assert [answer.rpartition(b"\r\n\r\n")[2] for answer in answers] == [b"0.2", *[b"%d" % (3 << 20)] * 4]


def test_large_head_below_the_limit_is_read(server: LiveServer) -> None:
    with connection(server) as sock:
        sock.sendall(request(b"POST", b"/total", b"[[1]]", b"X: " + b"a" * 60_000))
        (answer,) = receive_answers(sock, 1)
    assert statuses([answer]) == [b"200"]


@LANES
def test_answer_without_body_by_definition_keeps_the_connection_in_step(server: LiveServer, lane: bytes) -> None:
    extra = lane.split(b"\r\n")[:-1]
    with connection(server) as sock:
        sock.sendall(request(b"POST", b"/status", b"204", *extra))
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += sock.recv(1)
            head = head.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
        sock.sendall(request(b"POST", b"/status", b"200"))
        (answer,) = receive_answers(sock, 1)
    assert head.startswith(b"HTTP/1.1 204 ")
    assert b"content-length" not in head
    assert answer.endswith(b"\r\n\r\nbody")


def test_client_that_never_reads_gets_no_more_than_a_buffer_of_answers(server: LiveServer) -> None:
    answered_before = answered(server)
    big = json.dumps("x" * 100_000).encode()
    with connection(server) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.settimeout(1)
        sent = 0
        try:
            while sent < 1000:
                sock.sendall(request(b"POST", b"/echo", big))
                sent += 1
        except TimeoutError:
            pass
        assert sent < 1000, "the server went on reading"
        assert answered(server) - answered_before < 200
    assert server.client.post("/total", json=[[1, 1]]).json() == [2]


def answered(server: LiveServer) -> float:
    text = server.client.get("/metrics").text
    found = re.search(r'BENTOML_Everything_request_total\{endpoint="/echo",http_response_code="200".*\} (\S+)', text)
    return float(found[1]) if found else 0.0


def test_unreadable_requests_leave_no_line_each_in_the_log(server: LiveServer) -> None:
    before_bytes = Path(server.log).stat().st_size
    for _ in range(10):
        with connection(server) as sock:
            sock.sendall(b"\0\1 garbage\r\n\r\n")
            receive_answers(sock, 1)
    assert "Invalid HTTP request" not in server.output()
    # Of other requests, before these, lines may still be on their way.
    assert Path(server.log).stat().st_size - before_bytes < 1 << 20
