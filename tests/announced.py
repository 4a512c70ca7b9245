"""A process that says what it is about to do, and then that it is ready; a test ends it."""

from __future__ import annotations

import subprocess
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

START_LIMIT_S = 60.0
LAST_LINE = "* Press Ctrl-C to stop\n"


class AnnouncedProcess(subprocess.Popen[str]):
    """A process whose pipes are read all the time: one that nobody reads would stop it once it is full.

    Args:
        argv: program and arguments.
        env: all its variables.
    """

    def __init__(self, argv: Sequence[str], env: Mapping[str, str]) -> None:
        super().__init__(list(argv), env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self._said: dict[str, list[str]] = {"stdout": [], "stderr": []}
        self._heard = threading.Condition()
        self._readers = [self._read("stderr")]

    def read_on(self) -> None:
        """Read stdout from now on; until then somebody else does."""
        self._readers.append(self._read("stdout"))

    def wait_for(self, text: str) -> str:
        """The line of stdout with a text, said since the process was ready."""

        def found() -> str | None:
            return next((line for line in self._said["stdout"] if text in line), None)

        with self._heard:
            line = self._heard.wait_for(found, START_LIMIT_S)
        assert line is not None, f"never said {text!r}: {self._said}"
        return line

    def communicate(self, input: str | None = None, timeout: float | None = None) -> tuple[str, str]:  # noqa: A002
        """The rest of stdout and all of stderr, once it has ended."""
        self.wait(timeout)
        for reader in self._readers:
            reader.join(timeout)
        return "".join(self._said["stdout"]), "".join(self._said["stderr"])

    def _read(self, name: str) -> threading.Thread:
        def read() -> None:
            with getattr(self, name) as pipe:
                for line in pipe:
                    with self._heard:
                        self._said[name].append(line)
                        self._heard.notify_all()

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        return reader


@contextmanager
def announced(argv: Sequence[str], env: Mapping[str, str]) -> Iterator[tuple[AnnouncedProcess, list[str]]]:
    """The process, and the lines that it has printed once it is ready; it is ended with the block, whatever it does.

    Args:
        argv: program and arguments.
        env: all its variables.
    """
    process = AnnouncedProcess(argv, env)
    try:
        printed = _announcement(process)
        process.read_on()
        yield process, printed
    finally:
        process.kill()
        process.communicate(timeout=START_LIMIT_S)


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
