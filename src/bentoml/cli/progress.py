"""How far a job has come, on one line of a terminal that is written over again and again."""

from __future__ import annotations

import shutil
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SHORTEST_BETWEEN_S = 0.1
_ERASE_LINE = "\r\x1b[2K"


def is_wanted(*, quiet: bool) -> bool:
    """Whether a person waits for results that go elsewhere: where they see the results, those are the progress."""
    return not quiet and sys.stderr.isatty() and not sys.stdout.isatty()


def write_over(terminal: TextIO, text: str) -> None:
    """Put a text, cut to the width of the terminal, in the place of what is on the line."""
    width = shutil.get_terminal_size().columns
    terminal.write(f"{_ERASE_LINE}{text[: width - 1]}")
    terminal.flush()


class ProgressLine:
    """Says on a terminal how many inputs of a job are read and answered, how fast, and how long the rest will take.

    Args:
        terminal: where to write.
        clock: seconds.
    """

    def __init__(self, terminal: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._terminal = terminal
        self._clock = clock
        self._began_s = self._shown_s = clock()
        self._is_visible = False
        self._total: int | None = None
        self._read = 0
        self._answered = 0

    def started(self, total: int | None) -> None:
        """The job has so many inputs; None when nobody can tell."""
        self._total = total
        self._began_s = self._shown_s = self._clock()

    def read(self) -> None:
        """One more input was read."""
        self._read += 1
        now_s = self._clock()
        # What is on the line stays there while the model works, so the last word of a batch counts.
        is_last = self._read == self._total or (self._answered > 0 and not self._is_visible)
        if now_s - self._shown_s >= SHORTEST_BETWEEN_S or is_last:
            self._show(now_s)

    def answered(self, count: int) -> None:
        """So many more results are about to be written; what they say must not end up on the line."""
        self._answered += count
        self.close()

    def close(self) -> None:
        """Leave a clean line."""
        if self._is_visible:
            write_over(self._terminal, "")
            self._is_visible = False

    def _show(self, now_s: float) -> None:
        self._shown_s = now_s
        self._is_visible = True
        write_over(self._terminal, self._text(now_s))

    def _text(self, now_s: float) -> str:
        done, verb = (self._answered, "answered") if self._answered else (self._read, "read")
        of = "" if self._total is None else f" of {self._total:,}"
        rate = done / max(now_s - self._began_s, 1e-9)
        text = f"{done:,}{of} inputs {verb}, {rate:,.0f}/s"
        if self._answered and self._total is not None and self._total > done:
            text += f", {(self._total - done) / rate:,.0f} s left"
        return text


class StatusLine:
    """Shows on a terminal what another program says last, and for how long the work has gone on.

    Args:
        terminal: where to write.
        clock: seconds.
    """

    def __init__(self, terminal: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._terminal = terminal
        self._clock = clock
        self._began_s = clock()

    def show(self, text: str) -> None:
        """Put a text in the place of the one before; what could steer the terminal is left out."""
        plain = "".join(character if character.isprintable() else " " for character in text)
        write_over(self._terminal, f"{self._clock() - self._began_s:.0f} s  {plain}")

    def close(self) -> None:
        """Leave a clean line."""
        write_over(self._terminal, "")


class TransferLine:
    """Says on a terminal how many bytes of a bundle are there, how fast, and how long the rest will take.

    Args:
        terminal: where to write.
        what: what happens, such as `Sending Iris:1`.
        clock: seconds.
    """

    def __init__(self, terminal: TextIO, what: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._terminal = terminal
        self._what = what
        self._clock = clock
        self._first: tuple[float, int] | None = None
        self._shown_s = 0.0
        self._is_visible = False

    def moved(self, done_bytes: int, total_bytes: int) -> None:
        """So many bytes of all are there now; what was there at the first call counts for no speed."""
        now_s = self._clock()
        if self._first is None:
            self._first = (now_s, done_bytes)
        elif now_s - self._shown_s >= SHORTEST_BETWEEN_S or done_bytes >= total_bytes:
            self._shown_s = now_s
            self._is_visible = True
            write_over(self._terminal, self._text(now_s, done_bytes, total_bytes, *self._first))

    def close(self) -> None:
        """Leave a clean line."""
        if self._is_visible:
            write_over(self._terminal, "")
            self._is_visible = False

    def _text(self, now_s: float, done_bytes: int, total_bytes: int, began_s: float, before_bytes: int) -> str:
        text = f"{self._what}  {done_bytes / 1e6:,.1f} of {total_bytes / 1e6:,.1f} MB"
        rate = (done_bytes - before_bytes) / max(now_s - began_s, 1e-9)
        if rate > 0:
            text += f", {rate / 1e6:,.1f} MB/s"
            if done_bytes < total_bytes:
                text += f", {(total_bytes - done_bytes) / rate:,.0f} s left"
        return text


@contextmanager
def transfer_line(what: str, *, quiet: bool) -> Iterator[Callable[[int, int], None] | None]:
    """What takes the progress of a transfer, where a person can see it; the line is clean afterwards."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    line = TransferLine(sys.stderr, what)
    try:
        yield line.moved
    finally:
        line.close()
