"""How far a generator may run ahead of its client: the worker's half of the back-pressure.

A worker sends the chunks of a stream as long as only so many of them, and so many bytes, are under way. The front
acknowledges a chunk (`CREDIT`) once the client's connection has room for it. A generator whose client does not read is
not asked for its next value; only its own thread or task waits.
"""

from __future__ import annotations

import asyncio
from threading import Condition

MAX_CHUNKS = 32
MAX_BYTES = 256 * 1024
# Larger values are cut: no frame of a stream holds up the other frames of its socket for long.
MAX_PIECE_BYTES = 64 * 1024


class Window:
    """Counts what is under way. Subclasses know how to wait.

    Attributes:
        chunks: chunks sent and not acknowledged.
        size_bytes: the same in bytes.
        is_cancelled: nobody reads this stream any more.
    """

    def __init__(self) -> None:
        self.chunks = 0
        self.size_bytes = 0
        self.is_cancelled = False

    @property
    def is_open(self) -> bool:
        """Whether one more chunk may be sent; its own size does not count, so that any size can pass."""
        return self.chunks < MAX_CHUNKS and self.size_bytes < MAX_BYTES

    async def pass_through(self, size_bytes: int) -> None:
        """Wait until a chunk may be sent, and count it.

        Raises:
            asyncio.CancelledError: the stream was cancelled.
        """
        raise NotImplementedError

    def acknowledge(self, chunks: int, size_bytes: int) -> None:
        """The front has made room."""
        self.chunks -= chunks
        self.size_bytes -= size_bytes

    def cancel(self) -> None:
        """Let nothing pass any more."""
        self.is_cancelled = True

    def _count(self, size_bytes: int) -> None:
        self.chunks += 1
        self.size_bytes += size_bytes


class ThreadWindow(Window):
    """Makes the calling thread wait: a coroutine that only awaits this never suspends."""

    def __init__(self) -> None:
        super().__init__()
        self._changed = Condition()

    async def pass_through(self, size_bytes: int) -> None:
        """See `Window`."""
        with self._changed:
            while not (self.is_open or self.is_cancelled):
                self._changed.wait()
            if self.is_cancelled:
                raise asyncio.CancelledError
            self._count(size_bytes)

    def acknowledge(self, chunks: int, size_bytes: int) -> None:
        """See `Window`; called in the event loop."""
        with self._changed:
            super().acknowledge(chunks, size_bytes)
            self._changed.notify()

    def cancel(self) -> None:
        """See `Window`; called in the event loop."""
        with self._changed:
            super().cancel()
            self._changed.notify()


class LoopWindow(Window):
    """Makes a task of the event loop wait; whoever cancels the stream cancels the task."""

    def __init__(self) -> None:
        super().__init__()
        self._opened = asyncio.Event()

    async def pass_through(self, size_bytes: int) -> None:
        """See `Window`."""
        while not self.is_open:
            self._opened.clear()
            await self._opened.wait()
        self._count(size_bytes)

    def acknowledge(self, chunks: int, size_bytes: int) -> None:
        """See `Window`."""
        super().acknowledge(chunks, size_bytes)
        self._opened.set()
