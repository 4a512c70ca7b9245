"""A client that reads an answer piece by piece, as it was framed."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from typing import Any

from tests.server.live import LiveServer, metric

WAIT_S = 30.0


class CutError(Exception):
    """The connection was over before the end of the answer."""


class StreamReader:
    """One answer on a socket.

    Args:
        sock: where it comes.
        data: what of it has been read already.

    Attributes:
        status: HTTP status.
        headers: by name in lower case.
    """

    def __init__(self, sock: socket.socket, data: bytes = b"") -> None:
        self.sock = sock
        self._data = data
        self._read_sizes = cycle([65536])
        head = self._up_to(b"\r\n\r\n")
        status_line, *lines = head.decode("latin-1").split("\r\n")
        self.status = int(status_line.split(" ")[1])
        self.headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}

    def read_sizes(self, sizes: list[int]) -> None:
        """Read at most so many bytes at a time from here on, one size after the other, again and again."""
        self._read_sizes = cycle(sizes)

    def chunk(self) -> bytes:
        """The next chunk; empty for the one that ends the answer."""
        size = int(self._up_to(b"\r\n"), 16)
        while len(self._data) < size + 2:
            self._more()
        chunk, end, self._data = self._data[:size], self._data[size : size + 2], self._data[size + 2 :]
        assert end == b"\r\n"
        return chunk

    def chunks(self) -> list[bytes]:
        """The chunks up to the one that ends the answer."""
        found: list[bytes] = []
        while chunk := self.chunk():
            found.append(chunk)
        return found

    @property
    def surplus(self) -> bytes:
        """What has been read after the last chunk."""
        return self._data

    def rest(self) -> bytes:
        """Everything up to the end of the connection."""
        try:
            while True:
                self._more()
        except CutError:
            return self._data

    def body(self) -> bytes:
        """A body of known length."""
        while len(self._data) < int(self.headers["content-length"]):
            self._more()
        return self._data

    def _up_to(self, end: bytes) -> bytes:
        while end not in self._data:
            self._more()
        found, _, self._data = self._data.partition(end)
        return found

    def _more(self) -> None:
        data = self.sock.recv(next(self._read_sizes))
        if not data:
            raise CutError(self._data)
        self._data += data


def send_request(sock: socket.socket, path: str, value: Any, *headers: str, version: str = "1.1") -> None:
    body = json.dumps(value).encode()
    lines = [f"POST /{path} HTTP/{version}", "Host: x", f"Content-Length: {len(body)}", *headers]
    sock.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)


@contextmanager
def streaming(
    server: LiveServer, path: str, value: Any, *headers: str, version: str = "1.1", receive_bytes: int | None = None
) -> Iterator[StreamReader]:
    """Ask for a stream; the head has been read. `receive_bytes` bounds what the system takes in for the client."""
    with socket.socket(socket.AF_INET) as sock:
        if receive_bytes is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        sock.settimeout(WAIT_S)
        sock.connect(("127.0.0.1", server.port))
        send_request(sock, path, value, *headers, version=version)
        yield StreamReader(sock)


def wait_until(condition: Callable[[], bool]) -> None:
    limit_s = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < limit_s, "it did not come to pass"
        time.sleep(0.01)


def lines(file: Path) -> list[str]:
    """What the served function has noted."""
    return file.read_text().split() if file.exists() else []


def counted(server: LiveServer, path: str, status: int) -> float:
    """How many requests have ended with a status."""
    return metric(server, "BENTOML_Streams_request_total", endpoint=f"/{path}", http_response_code=str(status))


def in_progress(server: LiveServer, path: str) -> float:
    return metric(server, "BENTOML_Streams_request_in_progress", endpoint=f"/{path}")
