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


@contextmanager
def announced(argv: Sequence[str], env: Mapping[str, str]) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """The process, and the lines that it has printed once it is ready; it is ended with the block, whatever it does.

    Args:
        argv: program and arguments.
        env: all its variables.
    """
    process = subprocess.Popen(list(argv), env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process, _announcement(process)
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


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
