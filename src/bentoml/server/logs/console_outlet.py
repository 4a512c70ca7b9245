"""The console as a server writes to it: from a thread of its own, so that a stopped terminal stops nothing else."""

from __future__ import annotations

import contextlib
import io
import os
import select
from collections import deque
from threading import Condition, Thread
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable

BACKLOG_BYTES = 8 << 20
_CLOSE_S = 2.0


class ConsoleOutlet:
    """Takes lines and writes them in order.

    Args:
        stream: gives the stream to write to.
        backlog_bytes: most that is kept while the console does not take it.

    Attributes:
        dropped: lines that did not reach the console.
    """

    def __init__(self, stream: Callable[[], TextIO], backlog_bytes: int = BACKLOG_BYTES) -> None:
        self._stream = stream
        self._limit_bytes = backlog_bytes
        self._changed = Condition()
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._is_closing = False
        self.dropped = 0
        self._thread = Thread(target=self._run, name="log-console", daemon=True)
        self._thread.start()

    def put(self, lines: bytes) -> None:
        """Have lines written; those that there is no room for are dropped."""
        with self._changed:
            if self._waiting_bytes + len(lines) > self._limit_bytes:
                self.dropped += lines.count(b"\n")
                return
            self._waiting.append(lines)
            self._waiting_bytes += len(lines)
            self._changed.notify()

    def close(self, timeout_s: float = _CLOSE_S) -> None:
        """Write what waits, and end; a console that takes nothing is given up after this time."""
        with self._changed:
            self._is_closing = True
            self._changed.notify()
        self._thread.join(timeout_s)

    def _run(self) -> None:
        while True:
            with self._changed:
                while not (self._waiting or self._is_closing):
                    self._changed.wait()
                if not self._waiting:
                    return
                lines = b"".join(self._waiting)
                self._waiting.clear()
            try:
                _write(self._stream(), lines)
            except (OSError, ValueError):  # nobody reads it any more, or it was closed
                self.dropped += lines.count(b"\n")
            with self._changed:
                self._waiting_bytes -= len(lines)


def _write(stream: TextIO, lines: bytes) -> None:
    """Write past the stream's own buffer: a thread that hangs in there would keep the interpreter from ending."""
    try:
        fd = stream.fileno()
    except (io.UnsupportedOperation, AttributeError):
        stream.write(lines.decode("utf-8", "backslashreplace"))
        stream.flush()
        return
    rest = memoryview(lines)
    while rest:
        with contextlib.suppress(BlockingIOError):
            rest = rest[os.write(fd, rest) :]
            continue
        poll = select.poll()
        poll.register(fd, select.POLLOUT)
        poll.poll()
