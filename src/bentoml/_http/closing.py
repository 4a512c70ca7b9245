"""The end of a connection whose client may still be sending.

Closing a socket with unread bytes resets the connection, and may take an answer along that the client has not read yet.
So only our own direction is ended, and what comes is read and dropped until the client closes, for a moment at most.
"""

from __future__ import annotations

import select
import socket
import struct
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# Enough for a client to read the answer and to close, also when it has sent a body to its end before it looks.
LINGER_S = 5.0
LINGER_BYTES = 32 << 20
_NO_LINGER = struct.pack("ii", 1, 0)


class ClosingProtocol(HttpToolsProtocol):
    """The end of a client connection.

    Attributes:
        is_lingering: our direction has ended; what comes is dropped.
        has_ended: the client has ended its direction and waits for what it has asked.
    """

    def __init__(self, **uvicorn_arguments: Any) -> None:
        super().__init__(**uvicorn_arguments)
        self.is_lingering = False
        self.has_ended = False
        # A request has begun whose end has not come.
        self._is_receiving = False
        # Between two requests, as far as bytes have come.
        self._is_at_boundary = True
        self._is_unreadable = False
        self._dropped_bytes = 0

    def drop(self, size_bytes: int) -> None:
        """Let go of what is not read any more."""
        self._dropped_bytes += size_bytes
        if self._dropped_bytes > LINGER_BYTES:
            self.transport.close()

    def close_gently(self) -> None:
        """Close after what is written; nothing more is read."""
        if self.is_lingering or self.transport.is_closing():
            return
        self._is_unreadable = True
        self._is_at_boundary = False
        # With TLS both directions end together.
        if self.has_ended or not self.transport.can_write_eof():
            self.transport.close()
            return
        self.is_lingering = True
        self.transport.write_eof()
        self.flow.resume_reading()
        self.loop.call_later(LINGER_S, self.transport.close)

    def reset(self) -> None:
        """End the connection at once; what is not sent is dropped, also where only the system knows of it."""
        self.let_close_reset()
        self.transport.abort()

    def let_close_reset(self) -> None:
        """Have the client told, when the connection closes, that what it got is not whole."""
        sock = self.transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)

    def has_unread(self) -> bool:
        """Whether something has come that the event loop has not seen, so that closing would cut it off."""
        sock = self.transport.get_extra_info("socket")
        if sock is None or sock.fileno() < 0:
            return False
        poll = select.poll()
        poll.register(sock.fileno(), select.POLLIN)
        return bool(poll.poll(0))

    def close_after(self, cycle: Any) -> None:
        """Close after the answer to a request, whose body may be on its way."""
        if self._is_receiving and cycle is self.cycle:
            self.close_gently()
        else:
            self.transport.close()


class CycleTransport:
    """The transport as a cycle of uvicorn sees it, which closes it when an answer is the last one.

    Args:
        protocol: the connection.
        cycle: the request and its response.
    """

    __slots__ = ("_cycle", "_protocol", "is_closing", "write")

    def __init__(self, protocol: ClosingProtocol, cycle: Any) -> None:
        self._protocol = protocol
        self._cycle = cycle
        self.write = protocol.transport.write
        self.is_closing = protocol.transport.is_closing

    def close(self) -> None:
        """Close after what is written."""
        self._protocol.close_after(self._cycle)
