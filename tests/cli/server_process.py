"""A server that a test starts as a user does: it says where it is, answers, and is stopped by a signal."""

from __future__ import annotations

import os
import re
import signal
import urllib.error
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.announced import AnnouncedProcess, announced

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


class Server:
    """A server in processes of its own."""

    def __init__(self, process: AnnouncedProcess, printed: list[str]) -> None:
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


@contextmanager
def served(argv: Sequence[str], env: Mapping[str, str]) -> Iterator[Server]:
    """Start a server, wait until it is ready, and end it with the block, whatever it does.

    Args:
        argv: the command that serves.
        env: variables added to those of this process.
    """
    with announced(argv, {**os.environ, **env}) as (process, printed):
        yield Server(process, printed)
