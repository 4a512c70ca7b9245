"""The way of a process's logs to the one process that writes them: a unix socket that is never waited for.

What the socket does not take at once is kept, up to a limit in bytes, and sent by a thread that lives as long as there
is something to send. Beyond the limit lines are dropped and counted: requests are answered in time, logs come second.

A process that is forked connects anew with its first line.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import socket
import sys
import time
from collections import deque
from threading import RLock, Thread
from typing import TYPE_CHECKING

from bentoml._util.logs import CONSOLE_FORMAT
from bentoml.server.logs.log_frames import (
    CHANNELS,
    DROPPED,
    MAX_CONTENT_BYTES,
    PIECE_BYTES,
    RECORD,
    ROOT,
    SENT_MARK,
    encode_counts,
    encode_record,
    pack,
    pieces_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

logger = logging.getLogger(__name__)

BACKLOG_BYTES = 8 << 20
# How long a process that ends waits for what it has logged to be taken.
FLUSH_S = 2.0
_WARN_EVERY_S = 10.0
_RETRY_S = 1.0
# What comes while the writer gathers fits in there, so that no thread has to send it later.
_SOCKET_BYTES = 1 << 20
_POLL_MS = 200


class LogPipe:
    """Sends logs. Safe to use from any thread; connects with the first line, unless it was told to before.

    Args:
        path: socket of the writer.
        backlog_bytes: most that is kept while the writer is busy, save for a single line that is larger.
        clock: seconds.

    Attributes:
        dropped: lines that were dropped here, by logger.
        reports_drops: whether the writer is told of them.
    """

    def __init__(
        self, path: Path, backlog_bytes: int = BACKLOG_BYTES, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._path = str(path)
        self._limit_bytes = backlog_bytes
        self._clock = clock
        self.reports_drops = True
        self._begin()
        self._warned_s = float("-inf")
        os.register_at_fork(after_in_child=self._begin_anew)

    def _begin_anew(self) -> None:
        """In a forked process: what there was is for the other one to send."""
        if self._sock is not None:
            self._sock.close()
        self._begin()

    def _begin(self) -> None:
        # Reentrant: a signal handler may log in the middle of it.
        self._lock = RLock()
        self._sock: socket.socket | None = None
        self._retry_at_s = float("-inf")
        # (frame, its logger, its lines)
        self._backlog: deque[tuple[bytes, str, int]] = deque()
        self._backlog_bytes = 0
        # What has been sent of the first frame.
        self._sent_bytes = 0
        self._is_sending = False
        self._flusher: Thread | None = None
        self.dropped: dict[str, int] = {}
        self._unreported: dict[str, int] = {}
        self._unwarned = 0

    def connect(self) -> None:
        """Connect now, and not with the first line."""
        with self._lock:
            self._connected()

    def send(self, channel: str, lines: bytes, count: int) -> None:
        """Have lines written to the log of a channel.

        Args:
            channel: `bentoml.access`, `bentoml.prediction` or `bentoml.feedback`.
            lines: whole lines in UTF-8, each ended by LF.
            count: how many.
        """
        kind = CHANNELS[channel]
        if len(lines) <= PIECE_BYTES:
            self._put(kind, channel, count, lines)
            return
        for piece in pieces_of(lines):
            self._put(kind, channel, piece.count(b"\n"), piece)

    def send_record(self, record: logging.LogRecord) -> bool:
        """Have a record handled by the handlers of the writer; returns False when there is no writer any more."""
        return self._put(RECORD, ROOT, 1, encode_record(record))

    def flush(self, timeout_s: float = FLUSH_S) -> bool:
        """Wait until all is sent; returns whether it was."""
        end_s = self._clock() + timeout_s
        while True:
            with self._lock:
                if not self._backlog:
                    return True
                if not self._send_backlog():
                    return False
                sock = self._sock
            if sock is None or self._clock() >= end_s:
                return False
            _wait_until_writable(sock)

    # -- inside -------------------------------------------------------------------------------------------------

    def _put(self, kind: int, channel: str, count: int, content: bytes) -> bool:
        frame = pack(kind, count, content)
        with self._lock:
            # A line that is larger than that by itself is taken when nothing else waits.
            has_room = self._backlog_bytes + len(frame) <= self._limit_bytes or not self._backlog
            if not has_room or len(content) > MAX_CONTENT_BYTES:
                self._drop(channel, count)
                return True
            self._backlog.append((frame, channel, count))
            self._backlog_bytes += len(frame)
            if self._is_sending or self._flusher is not None:
                return True
            is_sent = self._send_backlog()
            if self._backlog:
                self._start_flusher()
            return is_sent

    def _drop(self, channel: str, count: int) -> None:
        for counts in (self.dropped, self._unreported):
            counts[channel] = counts.get(channel, 0) + count
        self._unwarned += count

    def _send_backlog(self) -> bool:
        """Send what the socket takes now; returns False when there is no writer, and drops all then."""
        if self._is_sending:
            return True
        self._is_sending = True
        try:
            sock = self._connected()
            while sock is not None and (self._backlog or self._has_report()):
                if not self._backlog:
                    self._backlog.append((pack(DROPPED, 0, encode_counts(self._unreported)), ROOT, 0))
                    self._backlog_bytes += len(self._backlog[0][0])
                    self._unreported = {}
                frame = self._backlog[0][0]
                self._sent_bytes += sock.send(memoryview(frame)[self._sent_bytes :] if self._sent_bytes else frame)
                if self._sent_bytes == len(frame):
                    self._backlog.popleft()
                    self._backlog_bytes -= len(frame)
                    self._sent_bytes = 0
        except BlockingIOError:
            return True
        except OSError:
            sock = None
            self._disconnect()
        finally:
            self._is_sending = False
        if sock is not None:
            return True
        for _, channel, count in self._backlog:
            self._drop(channel, count)
        self._backlog.clear()
        self._backlog_bytes = 0
        return False

    def _has_report(self) -> bool:
        return self.reports_drops and bool(self._unreported)

    def _connected(self) -> socket.socket | None:
        if self._sock is None and self._clock() >= self._retry_at_s:
            sock = socket.socket(socket.AF_UNIX)
            sock.setblocking(False)
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SOCKET_BYTES)
            try:
                sock.connect(self._path)
            except OSError:
                sock.close()
                self._retry_at_s = self._clock() + _RETRY_S
            else:
                self._sock = sock
        return self._sock

    def _disconnect(self) -> None:
        if self._sock is not None:
            self._sock.close()
        self._sock = None
        self._sent_bytes = 0
        self._retry_at_s = self._clock() + _RETRY_S

    def _start_flusher(self) -> None:
        self._flusher = Thread(target=self._flush_backlog, name="log-pipe", daemon=True)
        try:
            self._flusher.start()
        except RuntimeError:  # no thread can be started, as when the interpreter ends; the next line tries again
            self._flusher = None

    def _flush_backlog(self) -> None:
        """Send the backlog as the writer takes it, to its end."""
        while True:
            sock = self._sock
            if sock is not None:
                _wait_until_writable(sock)
            with self._lock:
                self._send_backlog()
                if not self._backlog:
                    self._flusher = None
                    break
        self._warn_about_drops()

    def _warn_about_drops(self) -> None:
        # Without the lock: handlers have locks of their own.
        now_s = self._clock()
        if self._unwarned and now_s - self._warned_s >= _WARN_EVERY_S:
            count, self._unwarned = self._unwarned, 0
            self._warned_s = now_s
            logger.warning("%d lines were dropped from the logs: they could not be written as fast as they came", count)


def _wait_until_writable(sock: socket.socket) -> None:
    with contextlib.suppress(OSError, ValueError):  # it was closed; whoever sends next sees that
        poll = select.poll()
        poll.register(sock.fileno(), select.POLLOUT)
        poll.poll(_POLL_MS)


class PipeHandler(logging.Handler):
    """Hands records to the writer, whose handlers take them; to stderr when there is none any more.

    It has no lock, as the pipe has one. A record that comes by way of several loggers is sent once: the loggers of the
    writer stand in the same tree.

    Args:
        pipe: where to.
    """

    def __init__(self, pipe: LogPipe) -> None:
        super().__init__()
        self._pipe = pipe
        self.setFormatter(logging.Formatter(CONSOLE_FORMAT))

    def createLock(self) -> None:  # noqa: N802 - the name in the standard library
        """Have none."""
        self.lock = None

    def handle(self, record: logging.LogRecord) -> bool:
        """Send a record."""
        if getattr(record, SENT_MARK, False) or not self.filter(record):
            return False
        setattr(record, SENT_MARK, True)
        self.emit(record)
        return True

    def emit(self, record: logging.LogRecord) -> None:
        """Send a record."""
        try:
            if not self._pipe.send_record(record):
                sys.stderr.write(f"{self.format(record)}\n")
        except Exception:  # noqa: BLE001 - as every handler: what cannot be logged must not stop who logs
            self.handleError(record)

    def flush(self) -> None:
        """Wait until all is sent, for a moment at most; called when the process ends."""
        self._pipe.flush()
