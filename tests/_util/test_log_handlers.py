"""Handlers for records and blocks of lines: what cannot be written is said once and counted."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from bentoml._util.log_handlers import ConsoleHandler, LineFileHandler


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def said() -> Iterator[list[str]]:
    """What the library has to say meanwhile."""
    messages: list[str] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            messages.append(record.getMessage())

    logger = logging.getLogger("bentoml")
    handlers, propagate = logger.handlers, logger.propagate
    logger.handlers, logger.propagate = [Kept()], False
    yield messages
    logger.handlers, logger.propagate = handlers, propagate


def test_file_handler_takes_records_and_lines(tmp_path: Path) -> None:
    handler = LineFileHandler(tmp_path / "x.log", 100, 1)
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    handler.handle(logging.makeLogRecord({"msg": "r\udc80d", "levelname": "INFO"}))
    handler.write_lines(b"a\nb\n")
    handler.close()
    assert (tmp_path / "x.log").read_bytes() == b"INFO r\\udc80d\na\nb\n"


def test_file_that_cannot_be_written_is_said_once_and_its_lines_are_counted(tmp_path: Path, said: list[str]) -> None:
    (tmp_path / "logs").write_bytes(b"")
    clock = Clock()
    handler = LineFileHandler(tmp_path / "logs" / "x.log", 100, 1, clock)
    for _ in range(5):
        handler.write_lines(b"a\nb\n")
    assert handler.dropped == 10
    assert len(said) == 1
    assert "x.log cannot be written, its lines are dropped: " in said[0]
    (tmp_path / "logs").unlink()
    handler.write_lines(b"c\n")
    assert said[1].endswith("x.log is written again; 10 lines were dropped")
    (tmp_path / "logs" / "x.log").unlink()
    (tmp_path / "logs").rmdir()
    for clock.now_s in (1.0, 10.0):
        # What comes and goes is not said each time.
        (tmp_path / "logs").write_bytes(b"")
        handler.write_lines(b"d\n")
        (tmp_path / "logs").unlink()
        handler.write_lines(b"e\n")
        (tmp_path / "logs" / "x.log").unlink()
        (tmp_path / "logs").rmdir()
    handler.close()
    assert handler.dropped == 12
    assert "cannot be written" in said[2]
    assert said[3].endswith("x.log is written again; 1 lines were dropped")
    assert len(said) == 4


def test_file_handler_of_the_library_itself_can_fail(tmp_path: Path, said: list[str]) -> None:
    (tmp_path / "logs").write_bytes(b"")
    logger = logging.getLogger("bentoml")
    handler = LineFileHandler(tmp_path / "logs" / "active.log", 100, 1)
    logger.handlers = [*logger.handlers, handler]
    logger.warning("lost")
    assert said[0] == "lost"
    assert "active.log cannot be written" in said[1]
    assert len(said) == 2


def test_console_handler_gives_lines_to_its_outlet(capsys: pytest.CaptureFixture[str]) -> None:
    handler = ConsoleHandler("stdout")
    handler.write_lines(b"direct\n")
    assert capsys.readouterr().out == "direct\n"
    taken: list[bytes] = []
    handler.outlet = taken.append
    handler.write_lines(b"a\nb\n")
    handler.handle(logging.makeLogRecord({"msg": "record"}))
    assert taken == [b"a\nb\n", b"record\n"]
    assert capsys.readouterr().out == ""
