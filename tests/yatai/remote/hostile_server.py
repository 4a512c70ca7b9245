"""A server that answers what a test says, and remembers what it was asked."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

Answer = Callable[[socket.socket], None]


def raw(*pieces: bytes, pause_s: float = 0) -> Answer:
    """Bytes as they are, then the end."""

    def send(sock: socket.socket) -> None:
        for piece in pieces:
            sock.sendall(piece)
            time.sleep(pause_s)

    return send


def answer(status: int = 200, body: bytes = b"", kind: str = "application/json", **headers: str) -> Answer:
    """A well-formed answer."""
    lines = [f"HTTP/1.1 {status} X", f"content-type: {kind}", f"content-length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return raw("\r\n".join(lines).encode() + b"\r\nconnection: close\r\n\r\n" + body)


def document(value: Any, status: int = 200, **headers: str) -> Answer:
    """A well-formed answer in JSON."""
    return answer(status, json.dumps(value).encode(), **headers)


def refusal(status: int, code: str, message: str, **headers: str) -> Answer:
    """An error of the interface."""
    return document({"error": {"code": code, "message": message, "request_id": "r1"}}, status, **headers)


def endless(head: bytes, piece: bytes) -> Answer:
    """A head, and then the same piece until the client leaves."""

    def send(sock: socket.socket) -> None:
        sock.sendall(head)
        while True:
            sock.sendall(piece)

    return send


def silence(sock: socket.socket) -> None:
    """Nothing, until the client leaves."""
    sock.recv(1)


def nothing(sock: socket.socket) -> None:
    """The end of the connection at once."""


class HostileServer:
    """Gives each connection the next answer, and the last one again and again.

    Attributes:
        heads: of the requests, whose bodies are not read.
    """

    def __init__(self, answers: Sequence[Answer], context: ssl.SSLContext | None = None) -> None:
        self.heads: list[str] = []
        self._answers = list(answers)
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http{'s' if self._context else ''}://127.0.0.1:{self.port}"

    def close(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                threading.Thread(target=self._talk, args=(sock,), daemon=True).start()

    def _talk(self, sock: socket.socket) -> None:
        sock.settimeout(30)
        with suppress(OSError):
            talking = sock if self._context is None else self._context.wrap_socket(sock, server_side=True)
            with talking:
                head = b""
                while b"\r\n\r\n" not in head:
                    piece = talking.recv(65536)
                    if not piece:
                        return
                    head += piece
                self.heads.append(head.partition(b"\r\n\r\n")[0].decode("latin-1"))
                (self._answers.pop(0) if len(self._answers) > 1 else self._answers[0])(talking)
                with suppress(OSError):
                    talking.shutdown(socket.SHUT_WR)
                    while talking.recv(65536):
                        pass
        sock.close()


@contextmanager
def hostile_server(*answers: Answer, context: ssl.SSLContext | None = None) -> Iterator[HostileServer]:
    server = HostileServer(answers, context)
    try:
        yield server
    finally:
        server.close()
