"""HTTP by hand: what goes over a socket, byte for byte."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from tests.server.live import LiveServer

# This header asks for nothing here, but only the ASGI lane reads it.
SLOW_LANE = b"Expect: 100-continue\r\n"


@contextmanager
def connection(server: LiveServer) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as sock:
        yield sock


def receive_answers(sock: socket.socket, count: int) -> list[bytes]:
    """Read `count` whole answers; 100 Continue is left out."""
    data = b""
    answers: list[bytes] = []
    while len(answers) < count:
        head, separator, rest = data.partition(b"\r\n\r\n")
        if separator and head.startswith(b"HTTP/1.1 100"):
            data = rest
            continue
        length = re.search(rb"content-length: (\d+)", head)
        if separator and length is not None and len(rest) >= int(length[1]):
            end = len(head) + 4 + int(length[1])
            answers.append(data[:end])
            data = data[end:]
            continue
        chunk = sock.recv(65536)
        assert chunk, f"the connection was closed after {data!r}"
        data += chunk
    assert data == b""
    return answers


def request(method: bytes, path: bytes, body: bytes, *headers: bytes, version: bytes = b"1.1") -> bytes:
    lines = [b"%b %b HTTP/%b" % (method, path, version), b"Host: x", b"Content-Length: %d" % len(body), *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def asgi_path(path: bytes) -> bytes:
    """The same path in another spelling, which the fast lane does not know."""
    return b"/%%%02X%b" % (path[1], path[2:])


def receive_all(sock: socket.socket) -> bytes:
    """Everything until the other side ends."""
    data = b""
    while chunk := sock.recv(65536):
        data += chunk
    return data
