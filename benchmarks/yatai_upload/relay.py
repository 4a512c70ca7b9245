"""A relay between a client and a registry that counts what the client sends, and stops at agreed points."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_CHUNK_BYTES = 256 << 10


class Relay:
    """Listens on a free port of this machine, and hands on to a port that may change.

    Args:
        before: is called with what a client has sent before that is handed on; what it returns is handed on.
        answered: is called with what a registry has answered before that is handed on; False breaks the connection.

    Attributes:
        port: where it listens.
        target: port that it hands on to; None breaks all connections.
        sent_bytes: handed on from clients to registries so far, heads of requests included.
    """

    def __init__(self, before: Callable[[bytes], None], answered: Callable[[bytes], bool]) -> None:
        self._before = before
        self._answered = answered
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.target: int | None = None
        self.sent_bytes = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            if self.target is None:
                return
            with socket.create_connection(("127.0.0.1", self.target)) as server:
                back = threading.Thread(target=self._hand_back, args=(server, client), daemon=True)
                back.start()
                self._hand_on(client, server)
                back.join()

    def _hand_on(self, client: socket.socket, server: socket.socket) -> None:
        try:
            while data := client.recv(_CHUNK_BYTES):
                with self._lock:
                    self._before(data)
                    self.sent_bytes += len(data)
                server.sendall(data)
        except OSError:
            pass
        finally:
            _end(client, server)

    def _hand_back(self, server: socket.socket, client: socket.socket) -> None:
        try:
            while (data := server.recv(_CHUNK_BYTES)) and self._answered(data):
                client.sendall(data)
        except OSError:
            pass
        finally:
            _end(client, server)


def _end(*sockets: socket.socket) -> None:
    for one in sockets:
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
