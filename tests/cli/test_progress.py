"""The progress of `bentoml run`, as a terminal shows it."""

from __future__ import annotations

import io
import re

from bentoml.cli.progress import ProgressLine, StatusLine


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def shown(terminal: io.StringIO) -> list[str]:
    """What stood on the line, one after the other; an empty text where it was erased."""
    return re.split(r"\r\x1b\[2K", terminal.getvalue())[1:]


def test_short_job_shows_its_end_only() -> None:
    clock, terminal = Clock(), io.StringIO()
    line = ProgressLine(terminal, clock)
    line.started(3)
    for _ in range(3):
        line.read()
    assert [text.partition(",")[0] for text in shown(terminal)] == ["3 of 3 inputs read"]


def test_long_job_says_how_many_how_fast_and_how_long() -> None:
    clock, terminal = Clock(), io.StringIO()
    line = ProgressLine(terminal, clock)
    line.started(4000)
    for _ in range(4):
        for _ in range(1000):
            line.read()
        clock.now_s += 2
        line.answered(1000)
    line.close()
    assert (
        shown(terminal)
        == [
            "",
            "1,000 of 4,000 inputs answered, 500/s, 6 s left",
            "",
            "2,000 of 4,000 inputs answered, 500/s, 4 s left",
            "",
            "3,000 of 4,000 inputs answered, 500/s, 2 s left",
            "3,000 of 4,000 inputs answered, 500/s, 2 s left",
            "",
        ][1:]
    )


def test_job_of_unknown_length_counts_what_is_read() -> None:
    clock, terminal = Clock(), io.StringIO()
    line = ProgressLine(terminal, clock)
    line.started(None)
    for _ in range(5):
        clock.now_s += 0.06
        line.read()
    line.close()
    assert shown(terminal) == ["2 inputs read, 17/s", "4 inputs read, 17/s", ""]


def test_line_that_was_never_shown_is_not_erased() -> None:
    terminal = io.StringIO()
    line = ProgressLine(terminal, Clock())
    line.started(2)
    line.read()
    line.answered(1)
    line.close()
    assert terminal.getvalue() == ""


def test_status_line_shows_what_was_said_last_and_for_how_long() -> None:
    terminal, clock = io.StringIO(), Clock()
    line = StatusLine(terminal, clock)
    line.show("Downloading numpy")
    clock.now_s += 12.4
    line.show("Installing \x1b[2Jnumpy\r\n" + "x" * 500)
    line.close()
    first, second, end = shown(terminal)
    assert (first, end) == ("0 s  Downloading numpy", "")
    assert second.startswith("12 s  Installing  [2Jnumpy  xxx")
    assert len(second) < 500
