"""A server of the web on this machine that answers what a test says, well or badly."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

Answer = Callable[["Request", socket.socket], None]


@dataclass(frozen=True)
class Request:
    """What arrived.

    Attributes:
        method: of HTTP.
        target: path and query, as they were sent.
        headers: names in lower case.
        body: as many bytes as `Content-Length` says.
    """

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass
class WebServer:
    """A running server.

    Attributes:
        port: where it listens, at 127.0.0.1.
        scheme: `https` or `http`.
        requests: what arrived, in order.
        answers: what is sent for each path; 404 for all others.
        stopped: set when the test is over.
        refuse_unread: see `web_server`.
    """

    port: int
    scheme: str
    requests: list[Request] = field(default_factory=list)
    answers: dict[str, Answer] = field(default_factory=dict)
    stopped: threading.Event = field(default_factory=threading.Event)
    refuse_unread: Callable[[bytes, socket.socket], None] | None = None

    def url(self, path: str, host: str = "localhost") -> str:
        return f"{self.scheme}://{host}:{self.port}{path}"

    def send(self, path: str, *parts: bytes) -> None:
        """Answers a path with these bytes, as they are."""

        def answer(request: Request, connection: socket.socket) -> None:
            for part in parts:
                connection.sendall(part)

        self.answers[path] = answer

    def file(self, path: str, content: bytes, *headers: str) -> None:
        """Answers a path with a body, its length said."""
        lines = ["HTTP/1.1 200 OK", f"Content-Length: {len(content)}", *headers, "", ""]
        self.send(path, "\r\n".join(lines).encode() + content)

    def redirect(self, path: str, location: str, status: int = 302) -> None:
        """Answers a path with another address."""
        self.send(path, f"HTTP/1.1 {status} X\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode())

    def keep(self, path: str) -> None:
        """Takes what is put at a path, and gives it out afterwards; `If-None-Match: *` keeps what is there."""
        kept: list[bytes] = []

        def answer(request: Request, connection: socket.socket) -> None:
            if request.method == "PUT" and kept and request.headers.get("if-none-match") == "*":
                connection.sendall(b"HTTP/1.1 412 Precondition Failed\r\nContent-Length: 0\r\n\r\n")
            elif request.method == "PUT":
                kept[:] = [request.body]
                connection.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
            elif kept:
                connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {len(kept[0])}\r\n\r\n".encode() + kept[0])
            else:
                _not_found(request, connection)

        self.answers[path] = answer

    def _serve(self, connection: socket.socket, context: ssl.SSLContext | None) -> None:
        with suppress(OSError), connection:
            connection.settimeout(20)
            if context is not None:
                connection = context.wrap_socket(connection, server_side=True)
            with connection:
                if self.refuse_unread is not None:
                    self.refuse_unread(connection.recv(100), connection)
                    return
                request = _read(connection)
                self.requests.append(request)
                answer = self.answers.get(request.target.partition("?")[0], _not_found)
                answer(request, connection)


def _read(connection: socket.socket) -> Request:
    with connection.makefile("rb") as stream:
        method, target, _ = stream.readline().decode().split(" ")
        headers = {}
        while line := stream.readline().decode().strip():
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        return Request(method, target, headers, stream.read(int(headers.get("content-length", 0))))


def _not_found(request: Request, connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")


@contextmanager
def web_server(
    certfile: Path | None = None,
    keyfile: Path | None = None,
    refuse_unread: Callable[[bytes, socket.socket], None] | None = None,
) -> Iterator[WebServer]:
    """Runs a server; with a certificate it speaks TLS. `refuse_unread` answers in its place, after the first bytes."""
    context = None
    if certfile is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certfile, keyfile)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = WebServer(
            listener.getsockname()[1], "http" if context is None else "https", refuse_unread=refuse_unread
        )
        threads: list[threading.Thread] = []

        def accept() -> None:
            while not server.stopped.is_set():
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                thread = threading.Thread(target=server._serve, args=(connection, context))
                threads.append(thread)
                thread.start()

        accepting = threading.Thread(target=accept)
        accepting.start()
        try:
            yield server
        finally:
            server.stopped.set()
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            accepting.join(20)
            for thread in threads:
                thread.join(20)
