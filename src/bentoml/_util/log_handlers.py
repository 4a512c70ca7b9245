"""Log handlers that take records, and also blocks of finished lines."""

from __future__ import annotations

import logging
import sys
import time
from typing import TYPE_CHECKING, TextIO

from bentoml._util.line_file import LineFile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

logger = logging.getLogger("bentoml")

_WARN_EVERY_S = 10.0


if TYPE_CHECKING:
    _TextHandler = logging.StreamHandler[TextIO]
else:
    _TextHandler = logging.StreamHandler


class ConsoleHandler(_TextHandler):
    """Writes to whatever `sys.stdout` is at the time: notebooks and tests put another one in its place.

    Args:
        stream_name: `stdout` or `stderr`.

    Attributes:
        outlet: takes the lines instead, as bytes, so that whoever logs does not wait for a slow terminal.
    """

    def __init__(self, stream_name: str) -> None:
        logging.Handler.__init__(self)
        self._stream_name = stream_name
        self.outlet: Callable[[bytes], None] | None = None

    @property
    def stream(self) -> TextIO:  # type: ignore[override]  # the base keeps one stream for ever
        """The stream of that name."""
        stream: TextIO = getattr(sys, self._stream_name)
        return stream

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record."""
        if self.outlet is None:
            super().emit(record)
            return
        try:
            encoding = getattr(self.stream, "encoding", None) or "utf-8"
            self.outlet(f"{self.format(record)}\n".encode(encoding, "backslashreplace"))
        except Exception:  # noqa: BLE001 - as every handler: what cannot be logged must not stop who logs
            self.handleError(record)

    def write_lines(self, lines: bytes) -> None:
        """Write whole lines in UTF-8."""
        if self.outlet is None:
            self.stream.write(lines.decode("utf-8", "backslashreplace"))
            self.stream.flush()
        else:
            self.outlet(lines)


class LineFileHandler(logging.Handler):
    """Writes to a file that is rotated. When that fails there is a warning, and lines are dropped until it works.

    Args:
        path: of the file.
        max_bytes: see `LineFile`.
        count: see `LineFile`.
        clock: seconds.

    Attributes:
        dropped: lines that could not be written.
    """

    def __init__(self, path: Path, max_bytes: int, count: int, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self.dropped = 0
        self._file = LineFile(path, max_bytes, count)
        self._clock = clock
        # When a failure was last said, and how many lines had been dropped before it; None when it is over.
        self._said_s = float("-inf")
        self._dropped_before: int | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record."""
        try:
            line = self.format(record)
        except Exception:  # noqa: BLE001 - as every handler: what cannot be logged must not stop who logs
            self.handleError(record)
            return
        self._write(f"{line}\n".encode("utf-8", "backslashreplace"))

    def write_lines(self, lines: bytes) -> None:
        """Write whole lines in UTF-8."""
        self.acquire()
        try:
            self._write(lines)
        finally:
            self.release()

    def close(self) -> None:
        """Close the file."""
        self.acquire()
        try:
            self._file.close()
        finally:
            self.release()
        super().close()

    def _write(self, lines: bytes) -> None:
        before = self.dropped
        lost, problem = self._file.write(lines)
        self.dropped += lost.count(b"\n")
        if problem is None:
            if self._dropped_before is not None:
                count, self._dropped_before = self.dropped - self._dropped_before, None
                logger.warning("%s is written again; %d lines were dropped", self._file.path, count)
        elif self._dropped_before is None and self._clock() - self._said_s >= _WARN_EVERY_S:
            # A disk that is nearly full takes some lines and others not; that is not said each time.
            self._said_s = self._clock()
            self._dropped_before = before
            logger.warning("%s cannot be written, its lines are dropped: %s", self._file.path, problem)
