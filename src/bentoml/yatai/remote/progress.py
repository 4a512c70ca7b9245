"""How far a transfer has come, for whoever draws a bar."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from bentoml.exceptions import BentoMLException

if TYPE_CHECKING:
    from collections.abc import Callable

    Progress = Callable[[int, int], None]


class TransferStopped(BentoMLException):
    """Another part of the same transfer has failed, so this one need not go on."""


class Meter:
    """Counts the bytes of one transfer, from several threads.

    Args:
        total_bytes: of all that is to be there in the end.
        report: is called with the bytes that are there and those of all; one thread at a time. None for nobody.

    Attributes:
        is_stopped: whether the transfer was given up.
    """

    def __init__(self, total_bytes: int, report: Progress | None) -> None:
        self._total_bytes = total_bytes
        self._report = report
        self._done_bytes = 0
        self._lock = threading.Lock()
        self.is_stopped = False

    def add(self, size_bytes: int) -> None:
        """So many bytes more are there; fewer, when it is negative.

        Raises:
            TransferStopped: the transfer is over.
        """
        if self.is_stopped:
            raise TransferStopped("the transfer was given up")
        with self._lock:
            self._done_bytes += size_bytes
            if self._report is not None:
                self._report(self._done_bytes, self._total_bytes)

    def stop(self) -> None:
        """Whatever still goes on ends with its next bytes."""
        self.is_stopped = True
