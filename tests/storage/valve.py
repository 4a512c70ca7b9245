"""A way to a server that a test can close, and that can stop in the middle of what is sent."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

_CHUNK_BYTES = 1 << 16


class Valve:
    """Connections to a server.

    Args:
        listener: accepts them.
        endpoint: address of the server.

    Attributes:
        url: address of the valve, which is used instead.
        sent_bytes: bytes that were sent to the server.
        received_bytes: bytes that came from it.
        is_held: set when what is sent waits for `open`.
        requests: heads of requests, as far as they came in one piece.
    """

    def __init__(self, listener: socket.socket, endpoint: str) -> None:
        parts = urlsplit(endpoint)
        self._target = (str(parts.hostname), parts.port)
        self._listener = listener
        self.url = parts._replace(netloc=f"127.0.0.1:{listener.getsockname()[1]}").geturl()
        self.sent_bytes = 0
        self.received_bytes = 0
        self._limit_bytes: int | None = None
        self._is_closed = False
        self._is_open = threading.Event()
        self._is_open.set()
        self.is_held = threading.Event()
        self.requests: list[bytes] = []
        self._has_received = threading.Condition()
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    def hold_after(self, more_bytes: int) -> None:
        """Let some more bytes through, then none; `is_held` says when that is."""
        self.is_held.clear()
        self._is_open.clear()
        self._limit_bytes = self.sent_bytes + more_bytes

    def open(self) -> None:
        """Let everything through."""
        self._limit_bytes, self._is_closed = None, False
        self._is_open.set()

    def close(self) -> None:
        """Cut all connections, those that are held, too, and refuse new ones."""
        self._is_closed = True
        self._cut()
        self._limit_bytes = None
        self._is_open.set()

    def close_after(self, received_bytes: int) -> None:
        """Wait until so much has come from the server, and close."""
        with self._has_received:
            self._has_received.wait_for(lambda: self.received_bytes >= received_bytes, 60)
        self.close()

    def serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self._is_closed:
                client.close()
                continue
            server = socket.create_connection(self._target)
            self._sockets += [client, server]
            for source, target, counts in ((client, server, True), (server, client, False)):
                thread = threading.Thread(target=self._forward, args=(source, target, counts), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _forward(self, source: socket.socket, target: socket.socket, counts: bool) -> None:
        with suppress(OSError):
            while data := source.recv(_CHUNK_BYTES):
                if counts:
                    self._count(len(data))
                    head = data.partition(b"\r\n\r\n")[0]
                    if b" HTTP/1.1\r\n" in head:
                        self.requests.append(head)
                else:
                    with self._has_received:
                        self.received_bytes += len(data)
                        self._has_received.notify_all()
                target.sendall(data)
        for each in (source, target):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        source.close()

    def _count(self, size: int) -> None:
        if self._limit_bytes is not None and self.sent_bytes + size > self._limit_bytes:
            self.is_held.set()
            self._is_open.wait()
        self.sent_bytes += size

    def _cut(self) -> None:
        for each in self._sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        self._sockets.clear()

    def end(self) -> None:
        self._is_open.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._cut()
        for thread in self._threads:
            thread.join(20)


@contextmanager
def valve_before(endpoint: str) -> Iterator[Valve]:
    """A valve before a server."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        valve = Valve(listener, endpoint)
        thread = threading.Thread(target=valve.serve, daemon=True)
        thread.start()
        try:
            yield valve
        finally:
            valve.end()
            thread.join(20)
