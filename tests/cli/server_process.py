"""A server that a test starts as a user does: it says where it is, answers, and is stopped by a signal."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
import urllib.error
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

START_LIMIT_S = 60.0
LAST_LINE = "* Press Ctrl-C to stop\n"


class Server:
    """A server in processes of its own."""

    def __init__(self, process: subprocess.Popen[str], printed: list[str]) -> None:
        self.process = process
        self.printed = printed

    @property
    def url(self) -> str:
        """The address it printed."""
        found = re.search(r"^\* Serving \S+ on (http://\S+)$", "".join(self.printed), re.MULTILINE)
        assert found is not None, self.printed
        return found[1]

    def fetch(self, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        """Status and body of one request."""
        try:
            with urllib.request.urlopen(self.url + path, data=body, timeout=30) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str, str]:
        """Exit status, the rest of stdout, all of stderr."""
        self.process.send_signal(number)
        stdout, stderr = self.process.communicate(timeout=60)
        return self.process.returncode, stdout, stderr


def _read_announcement(process: subprocess.Popen[str]) -> list[str]:
    """What it prints until it is ready."""
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


@contextmanager
def served(argv: Sequence[str], env: Mapping[str, str]) -> Iterator[Server]:
    """Start a server, wait until it is ready, and end it with the block, whatever it does.

    Args:
        argv: the command that serves.
        env: variables added to those of this process.
    """
    process = subprocess.Popen(
        list(argv), env={**os.environ, **env}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield Server(process, _read_announcement(process))
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()
