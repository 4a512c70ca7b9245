"""The connection of a client that is sent a stream: what ASGI does not tell about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bentoml.server.http.reading import ReadingProtocol

CONNECTION = "bentoml.connection"


class StreamClient:
    """One client, while its answer is a stream.

    Args:
        protocol: its connection.
        cycle: the request and response that it is the turn of.
    """

    def __init__(self, protocol: ReadingProtocol, cycle: Any) -> None:
        self._protocol = protocol
        self._cycle = cycle
        # HTTP/1.0 knows no chunks: there the end of the connection is the end of the answer.
        self._is_framed = cycle.scope["http_version"] != "1.0"
        if not self._is_framed:
            cycle.chunked_encoding = False

    @property
    def is_slow(self) -> bool:
        """Whether more waits for the client to read it than should."""
        return self._protocol.flow.write_paused

    @property
    def unsent_bytes(self) -> int:
        """What is written and has not left this process."""
        return self._protocol.transport.get_write_buffer_size()

    async def drained(self) -> None:
        """Wait until the client has read, or is gone."""
        await self._protocol.flow.drain()

    def write(self, piece: bytes) -> bool:
        """Write a piece past ASGI, when it needs no frame; returns whether it was written."""
        if self._is_framed:
            return False
        self._protocol.transport.write(piece)
        return True

    def cut(self) -> None:
        """End the connection after what is written, so that the client can tell that its answer is not whole."""
        self._cycle.disconnected = True
        transport = self._protocol.transport
        if not self._is_framed:
            self._protocol.let_close_reset()
        transport.close()

    def abort(self) -> None:
        """End the connection at once."""
        self._cycle.disconnected = True
        self._protocol.transport.abort()
