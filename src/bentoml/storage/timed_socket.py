"""A connection on which neither a silence nor the whole may last too long."""

from __future__ import annotations

import io
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from typing_extensions import Buffer


@dataclass(frozen=True)
class TimeLimits:
    """How long an exchange may take.

    Attributes:
        idle_s: longest silence of the other side.
        total_s: longest time for everything, from the making of this object on.
        clock: seconds, from any beginning.
    """

    idle_s: float
    total_s: float
    clock: Callable[[], float] = time.monotonic
    _ends_at: float = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_ends_at", self.clock() + self.total_s)

    def next_timeout_s(self) -> float:
        """How long the next step may take.

        Raises:
            TimeoutError: the time for everything is over.
        """
        left = self._ends_at - self.clock()
        if left <= 0:
            raise TimeoutError(f"it took longer than {self.total_s:g} s")
        return min(left, self.idle_s)


class TimedSocket:
    """The part of a socket that `http.client` uses.

    Args:
        connection: the socket, connected; with TLS where that is wanted.
        limits: kept in every step.
    """

    def __init__(self, connection: socket.socket, limits: TimeLimits) -> None:
        self._connection = connection
        self._limits = limits
        self._streams = 0
        self._is_closed = False

    def makefile(self, mode: str) -> io.BufferedReader:  # noqa: ARG002 - as `http.client` calls it
        """A stream of what arrives."""
        self._streams += 1
        return io.BufferedReader(_Arriving(self._connection, self._limits, self._on_stream_closed))

    def sendall(self, data: Buffer) -> None:
        """Send all of it."""
        self._connection.settimeout(self._limits.next_timeout_s())
        self._connection.sendall(data)

    def close(self) -> None:
        """Close the socket; what was made with `makefile` can be read on."""
        self._is_closed = True
        if self._streams == 0:
            self._connection.close()

    def _on_stream_closed(self) -> None:
        self._streams -= 1
        if self._is_closed and self._streams == 0:
            self._connection.close()


class _Arriving(io.RawIOBase):
    def __init__(self, connection: socket.socket, limits: TimeLimits, on_closed: Callable[[], None]) -> None:
        self._connection = connection
        self._limits = limits
        self._on_closed = on_closed

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int:
        self._connection.settimeout(self._limits.next_timeout_s())
        return self._connection.recv_into(buffer)

    def close(self) -> None:
        if not self.closed:
            self._on_closed()
        super().close()
