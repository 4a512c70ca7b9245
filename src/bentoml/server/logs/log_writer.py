"""The one writer of a server's logs: a thread of the parent, to which all other processes send theirs.

Blocks of lines go into their files and to the console as they are, without a look at single lines. Records are given to
the handlers of this process. With `logging.advanced` lines become records as well: their loggers are the user's.

What this process has to say itself goes to its handlers as always; only the console is written by another thread.
"""

from __future__ import annotations

import json
import logging
import selectors
import socket
import time
from itertools import groupby
from operator import itemgetter
from threading import Thread
from typing import TYPE_CHECKING

from bentoml._util.log_handlers import ConsoleHandler, LineFileHandler
from bentoml.server.logs.access_line import as_text
from bentoml.server.logs.console_outlet import ConsoleOutlet
from bentoml.server.logs.log_frames import (
    CHANNEL_OF,
    DROPPED,
    LOGGERS,
    RECORD,
    ROOT,
    FrameReader,
    decode_counts,
    decode_record,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

logger = logging.getLogger(__name__)

# Processes that may wait for being noticed.
_BACKLOG = 512
_READ_BYTES = 256 << 10
_TELL_EVERY_S = 1.0
_WARN_EVERY_S = 10.0
_END_S = 10.0
_RETRY_S = 0.02
# The writer looks this often at most: what it costs grows with the number of blocks, not with that of lines.
_GATHER_S = 0.01
# What lines that only the console did not take are counted under.
CONSOLE = "console"


class LogWriter:
    """Writes what the processes of a server log.

    Args:
        path: of the socket to listen on.
        on_dropped: called in the writer's thread with the numbers of dropped lines by logger when they have changed.
        is_advanced: whether the loggers are configured by `logging.advanced`.
        access_format: what lines of the access log are to look like as records: `text` or `json`.
    """

    def __init__(
        self,
        path: Path,
        on_dropped: Callable[[dict[str, int]], None],
        *,
        is_advanced: bool = False,
        access_format: str = "text",
    ) -> None:
        self._on_dropped = on_dropped
        self._is_advanced = is_advanced
        self._access_format = access_format
        # What other processes have said of lines they have dropped, and those that broke off.
        self._dropped = dict.fromkeys(LOGGERS, 0)
        self._told: dict[str, int] = dict(self._dropped)
        # One place for all, as a new one of this size with each look would cost more than the look.
        self._incoming = memoryview(bytearray(_READ_BYTES))
        self._said_of_console = 0
        self._said_s = float("-inf")
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(_BACKLOG)
        self._wake, self._woken = socket.socketpair()
        self._is_ending = False
        self._selector = selectors.DefaultSelector()
        for sock in (self._listener, self._woken):
            sock.setblocking(False)
            self._selector.register(sock, selectors.EVENT_READ)
        self._consoles = {handler: ConsoleOutlet(lambda it=handler: it.stream) for handler in _consoles()}  # type: ignore[misc]
        for handler, outlet in self._consoles.items():
            handler.outlet = outlet.put
        self._thread = Thread(target=self._run, name="log-writer", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Write what the other processes, which have ended, have sent; then end."""
        self._wake.close()
        self._thread.join(_END_S)
        for handler, outlet in self._consoles.items():
            handler.outlet = None
            outlet.close()

    def dropped(self) -> dict[str, int]:
        """Lines that were dropped, by logger."""
        counts = dict(self._dropped)
        for name in LOGGERS:
            counts[name] += sum(
                handler.dropped for handler in logging.getLogger(name).handlers if isinstance(handler, LineFileHandler)
            )
        if self._consoles:
            counts[CONSOLE] = sum(outlet.dropped for outlet in self._consoles.values())
        return counts

    # -- inside -------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        tell_at_s = time.monotonic() + _TELL_EVERY_S
        looked_s = 0.0
        while not self._is_ending:
            ready = self._selector.select(max(tell_at_s - time.monotonic(), 0))
            # Under load more comes meanwhile, and is written with it.
            time.sleep(max(looked_s + _GATHER_S - time.monotonic(), 0))
            looked_s = time.monotonic()
            self._look(ready)
            if looked_s >= tell_at_s:
                tell_at_s = looked_s + _TELL_EVERY_S
                self._tell()
        while ready := self._selector.select(0):
            self._look(ready)
        for key in list(self._selector.get_map().values()):
            if key.data is not None:
                self._end(key.fileobj, key.data)  # type: ignore[arg-type]
        self._selector.close()
        for sock in (self._listener, self._woken):
            sock.close()

    def _look(self, ready: list[tuple[selectors.SelectorKey, int]]) -> None:
        for key, _ in ready:
            if key.fileobj is self._woken:
                self._selector.unregister(self._woken)
                self._is_ending = True
            elif key.fileobj is self._listener:
                self._accept()
            else:
                self._read(key.fileobj, key.data)  # type: ignore[arg-type]  # all others are connections

    def _tell(self) -> None:
        counts = self.dropped()
        if counts != self._told:
            self._told = counts
            self._on_dropped(counts)
        missed = counts.get(CONSOLE, 0) - self._said_of_console
        if missed and time.monotonic() - self._said_s >= _WARN_EVERY_S:
            self._said_s = time.monotonic()
            self._said_of_console += missed
            logger.warning("%d lines did not reach the console: nobody reads it, or not as fast as they come", missed)

    def _accept(self) -> None:
        try:
            sock, _ = self._listener.accept()
        except OSError:
            # It is gone again, or there are no descriptors left, which others may give back in a moment.
            time.sleep(_RETRY_S)
            return
        sock.setblocking(False)
        self._selector.register(sock, selectors.EVENT_READ, FrameReader())

    def _read(self, sock: socket.socket, reader: FrameReader) -> None:
        try:
            size_bytes = sock.recv_into(self._incoming)
            for kind, content in _merged(reader.feed(self._incoming[:size_bytes])):
                self._take(kind, content)
        except BlockingIOError:
            return
        except ConnectionError:
            size_bytes = 0
        except Exception:
            # A door: whatever comes, the logs of the others go on.
            logger.exception("A process has sent logs that make no sense; nothing more is read from this connection")
            self._let_go(sock)
            return
        if not size_bytes:
            self._end(sock, reader)

    def _let_go(self, sock: socket.socket) -> None:
        self._selector.unregister(sock)
        sock.close()

    def _end(self, sock: socket.socket, reader: FrameReader) -> None:
        """A process has ended, maybe in the middle of a block: the whole lines of it are kept."""
        self._let_go(sock)
        rest = reader.rest()
        if rest is None:
            return
        kind, count, lines, lost = rest
        self._dropped[CHANNEL_OF.get(kind, ROOT)] += lost
        try:
            if count:
                self._take(kind, lines)
        except ValueError:
            logger.exception("A process has ended with logs that make no sense")

    def _take(self, kind: int, content: bytes) -> None:
        """Write one frame.

        Raises:
            ValueError: it makes no sense.
        """
        if kind == RECORD:
            self._handle(decode_record(content))
        elif kind == DROPPED:
            for name, dropped in decode_counts(content).items():
                self._dropped[name] += dropped
        elif kind not in CHANNEL_OF:
            raise ValueError(f"unknown kind of frame {kind}")
        elif self._is_advanced:
            for record in self._records_of(CHANNEL_OF[kind], content):
                self._handle(record)
        else:
            for handler in logging.getLogger(CHANNEL_OF[kind]).handlers:
                if isinstance(handler, (LineFileHandler, ConsoleHandler)):
                    handler.write_lines(content)

    def _handle(self, record: logging.LogRecord) -> None:
        is_ours = self._is_advanced or record.name == ROOT or record.name.startswith(f"{ROOT}.")
        target = logging.getLogger(record.name if is_ours else ROOT)
        try:
            # Its level was looked at where it was made.
            target.handle(record)
        except Exception:  # noqa: BLE001 - a handler of the user's; the logs of all others go on
            logging.NullHandler().handleError(record)

    def _records_of(self, channel: str, lines: bytes) -> Iterator[logging.LogRecord]:
        if not logging.getLogger(channel).isEnabledFor(logging.INFO):
            return
        for line in lines.decode("utf-8", "replace").split("\n")[:-1]:
            data = json.loads(line)
            is_text = channel == "bentoml.access" and self._access_format == "text"
            message = as_text(data) if is_text else line
            yield logging.makeLogRecord(
                {"name": channel, "levelno": logging.INFO, "levelname": "INFO", "msg": message, "data": data}
            )


def _merged(frames: Iterator[tuple[int, int, bytes]]) -> Iterator[tuple[int, bytes]]:
    """Kind and content of frames; blocks for one log that come one after the other are one."""
    for kind, group in groupby(frames, key=itemgetter(0)):
        contents = (content for _, _, content in group)
        if kind in CHANNEL_OF:
            yield kind, b"".join(contents)
        else:
            yield from ((kind, content) for content in contents)


def _consoles() -> list[ConsoleHandler]:
    handlers = {handler: None for name in LOGGERS for handler in logging.getLogger(name).handlers}
    return [handler for handler in handlers if isinstance(handler, ConsoleHandler)]
