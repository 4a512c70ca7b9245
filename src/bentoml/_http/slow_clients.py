"""Clients that send or read slowly are let go, by one sweep over all connections instead of timers per request.

A sweep compares each connection with what it saw the last time. The way of a request pays nothing for it: a message
is told from the one before by its list of headers, which is a new object for each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from bentoml._http.client_limits import MIN_BYTES_PER_S

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterable

    from bentoml._http.client_limits import ClientLimits


class Progress:
    """How far something has come.

    Attributes:
        message: identity of the request it is about; None with answers.
        phase: the part of the request.
        since_s: when it was first seen.
        moved_s: when it was last seen to have moved.
        size_bytes: how much of it there was then.
        moved_bytes: how much has moved in all.
    """

    __slots__ = ("message", "moved_bytes", "moved_s", "phase", "since_s", "size_bytes")

    def __init__(self, message: object, phase: str, now_s: float, size_bytes: int) -> None:
        self.message = message
        self.phase = phase
        self.since_s = self.moved_s = now_s
        self.size_bytes = size_bytes
        self.moved_bytes = 0

    def move(self, now_s: float, size_bytes: int) -> None:
        """Look again."""
        if size_bytes != self.size_bytes:
            self.moved_s = now_s
            self.moved_bytes += abs(size_bytes - self.size_bytes)
            self.size_bytes = size_bytes

    def wait(self, elapsed_s: float, now_s: float) -> None:
        """It could not move."""
        self.since_s += elapsed_s
        self.moved_s = now_s

    def is_too_slow(self, now_s: float, limit_s: float) -> bool:
        """Whether it was still for too long, or is slower than it may be."""
        return now_s - self.moved_s > limit_s or now_s - self.since_s > limit_s + self.moved_bytes / MIN_BYTES_PER_S


class Connection(Protocol):
    """What the sweep asks of a connection.

    Attributes:
        headers: of the newest request; a new list for each.
        idle_since_s: when the last request was answered, or the connection was made.
        progress: belongs to the sweep.
        reading: belongs to the sweep.
    """

    transport: asyncio.Transport
    headers: list[tuple[bytes, bytes]]
    idle_since_s: float
    progress: Progress | None
    reading: Progress | None

    @property
    def is_in_head(self) -> bool:
        """Whether a head has begun and not ended."""

    @property
    def is_in_body(self) -> bool:
        """Whether a head has ended, and the body behind it has not."""

    @property
    def received_bytes(self) -> int:
        """What has come of the body."""

    @property
    def is_kept_waiting(self) -> bool:
        """Whether it is for us that nothing comes."""

    @property
    def has_asked(self) -> bool:
        """Whether a request has ever come."""

    def is_idle(self) -> bool:
        """Whether no request is being received or answered."""

    def has_unread(self) -> bool:
        """Whether something has come that the event loop has not seen."""

    def time_out(self) -> None:
        """Stop waiting for the rest of a request."""

    def reset(self) -> None:
        """End the connection at once."""


_HEAD, _BODY, _ANSWERS = "head", "body", "answers"


class SlowClients:
    """Looks at all connections again and again.

    Args:
        limits: what is too slow.
        clock: seconds.
    """

    def __init__(self, limits: ClientLimits, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._clock = clock
        self._last_s = clock()

    def sweep(self, connections: Iterable[Connection]) -> None:
        """Close, or answer 408 to, those that take too long."""
        now_s = self._clock()
        elapsed_s, self._last_s = now_s - self._last_s, now_s
        for connection in connections:
            unsent_bytes = connection.transport.get_write_buffer_size()
            if unsent_bytes and self._reads_too_slowly(connection, unsent_bytes, now_s):
                connection.reset()
                continue
            if unsent_bytes:
                connection.idle_since_s = now_s
            else:
                connection.reading = None
            if not connection.transport.is_closing():
                self._look_at_sender(connection, now_s, elapsed_s)

    def _reads_too_slowly(self, connection: Connection, unsent_bytes: int, now_s: float) -> bool:
        reading = connection.reading
        if reading is None:
            connection.reading = Progress(None, _ANSWERS, now_s, unsent_bytes)
            return False
        reading.move(now_s, unsent_bytes)
        if not (connection.is_idle() or connection.transport.is_closing()):
            # More is being written, so how much the client has read cannot be told; that it reads can.
            reading.since_s = now_s
        return reading.is_too_slow(now_s, self._limits.body_timeout_s)

    def _look_at_sender(self, connection: Connection, now_s: float, elapsed_s: float) -> None:
        limits = self._limits
        if connection.is_in_head:
            progress = self._progress(connection, _HEAD, now_s)
            if connection.is_kept_waiting:
                progress.wait(elapsed_s, now_s)
            elif now_s - progress.since_s > limits.header_timeout_s:
                connection.time_out()
        elif connection.is_in_body:
            progress = self._progress(connection, _BODY, now_s)
            progress.move(now_s, connection.received_bytes)
            if connection.is_kept_waiting:
                progress.wait(elapsed_s, now_s)
            elif progress.is_too_slow(now_s, limits.body_timeout_s):
                connection.time_out()
        elif connection.is_idle():
            limit_s = limits.keep_alive_s if connection.has_asked else limits.header_timeout_s
            if now_s - connection.idle_since_s > limit_s and not connection.has_unread():
                connection.transport.close()

    def _progress(self, connection: Connection, phase: str, now_s: float) -> Progress:
        progress = connection.progress
        if progress is None or progress.message is not connection.headers or progress.phase != phase:
            # None of it is taken as seen: what has come before the first look counts as well.
            progress = connection.progress = Progress(connection.headers, phase, now_s, 0)
        return progress
