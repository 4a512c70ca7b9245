"""A line between client and server that breaks where a test says so."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

RESET = struct.pack("ii", 1, 0)
LIMIT_S = 60.0


@dataclass
class Way:
    """One direction.

    Attributes:
        passed_bytes: that went through.
        breaks_at: number of bytes after which it breaks, once; None for never.
        holds_at: number of bytes after which nothing more goes through, until `release`; None for never.
    """

    passed_bytes: int = 0
    breaks_at: int | None = None
    holds_at: int | None = None


class WeakLine:
    """Passes connections on to a server.

    Attributes:
        up: from the client to the server.
        down: from the server to the client.
        breaks_each_after: bytes from the client after which every connection breaks; None for never.
        target_port: of the server on this machine.
        holds: is set while a direction holds.
    """

    def __init__(self, target_port: int) -> None:
        self.up, self.down = Way(), Way()
        self.breaks_each_after: int | None = None
        self.target_port = target_port
        self.holds = threading.Event()
        self._released = threading.Event()
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def release(self) -> None:
        """Let through what is held."""
        self.up.holds_at = self.down.holds_at = None
        self.holds.clear()
        self._released.set()

    def start_again(self) -> None:
        """Count from 0, and hold as often as before."""
        self.up, self.down = Way(), Way()
        self._released.clear()

    def close(self) -> None:
        self._released.set()
        self._listener.close()
        for one in list(self._open):
            _reset(one)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._open.add(client)
                try:
                    server = socket.create_connection(("127.0.0.1", self.target_port), timeout=LIMIT_S)
                except OSError:
                    _reset(client)
                    continue
                self._open.add(server)
                for way, ends in ((self.up, (client, server)), (self.down, (server, client))):
                    threading.Thread(target=self._pass, args=(way, *ends), daemon=True).start()

    def _pass(self, way: Way, source: socket.socket, target: socket.socket) -> None:
        of_connection = 0
        with suppress(OSError):
            while data := source.recv(65536):
                of_connection += len(data)
                allowed = self._allowed(way, len(data))
                target.sendall(data[:allowed])
                too_many = way is self.up and self.breaks_each_after and of_connection > self.breaks_each_after
                if too_many or (allowed < len(data) and way.holds_at is None):
                    break
                if allowed < len(data):
                    self.holds.set()
                    assert self._released.wait(LIMIT_S)
                    target.sendall(data[allowed:])
            else:
                with suppress(OSError):
                    target.shutdown(socket.SHUT_WR)
                return
        _reset(source)
        _reset(target)

    def _allowed(self, way: Way, size_bytes: int) -> int:
        """How many of some bytes go through."""
        with self._lock:
            limit = way.breaks_at if way.holds_at is None else way.holds_at
            allowed = size_bytes if limit is None else min(size_bytes, limit - way.passed_bytes)
            way.passed_bytes += allowed
            if allowed < size_bytes:
                way.breaks_at = None
            return allowed


@contextmanager
def weak_line(target_port: int) -> Iterator[WeakLine]:
    line = WeakLine(target_port)
    try:
        yield line
    finally:
        line.close()


def _reset(sock: socket.socket) -> None:
    """Close without a farewell, and wake whoever reads."""
    with suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        sock.shutdown(socket.SHUT_RDWR)
    sock.close()
