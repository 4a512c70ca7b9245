"""A process that says what it is about to do, and then that it is ready; a test ends it."""

from __future__ import annotations

import subprocess
import tempfile
import threading
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

START_LIMIT_S = 60.0
LAST_LINE = "* Press Ctrl-C to stop\n"


class AnnouncedProcess(subprocess.Popen[str]):
    """A process whose stderr goes to a file: a pipe that nobody reads would stop it once it is full.

    Args:
        argv: program and arguments.
        env: all its variables.
        said: takes its stderr.
    """

    def __init__(self, argv: Sequence[str], env: Mapping[str, str], said: IO[str]) -> None:
        super().__init__(list(argv), env=env, stdout=subprocess.PIPE, stderr=said, text=True)
        self._said = said

    def communicate(self, input: str | None = None, timeout: float | None = None) -> tuple[str, str]:  # noqa: A002
        """What it has said until its end, as of a process with pipes."""
        stdout, _ = super().communicate(input, timeout)
        self._said.seek(0)
        return stdout, self._said.read()


@contextmanager
def announced(argv: Sequence[str], env: Mapping[str, str]) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """The process, and the lines that it has printed once it is ready; it is ended with the block, whatever it does.

    Args:
        argv: program and arguments.
        env: all its variables.
    """
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as said:
        process = AnnouncedProcess(argv, env, said)
        try:
            yield process, _announcement(process)
        finally:
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()


def _announcement(process: subprocess.Popen[str]) -> list[str]:
    assert process.stdout is not None
    printed: list[str] = []
    alarm = threading.Timer(START_LIMIT_S, process.kill)
    alarm.start()
    try:
        while LAST_LINE not in printed:
            line = process.stdout.readline()
            if not line:
                pytest.fail(f"never ready, printed {printed}, then {process.communicate()}")
            printed.append(line)
    finally:
        alarm.cancel()
    return printed
