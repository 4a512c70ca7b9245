"""The terminal that a process was started from."""

from __future__ import annotations

import os
import signal


def has_terminal() -> bool:
    """Whether a terminal controls this process. One that was closed does not any more."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


class Hangup:
    """Tells a SIGHUP that comes because the terminal was closed from one that somebody has sent.

    Make it before a handler for SIGHUP is set: programs that `nohup` starts are to outlive their terminal.
    """

    def __init__(self) -> None:
        self._had_terminal = has_terminal()
        self.is_ignored = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN

    def has_happened(self) -> bool:
        """Whether the terminal was there and is gone; True once."""
        is_lost = self._had_terminal and not has_terminal()
        if is_lost:
            self._had_terminal = False
        return is_lost
