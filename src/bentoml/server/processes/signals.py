"""Which signals a process of a server takes from whom.

SIGTERM, SIGINT and SIGHUP are for the parent, also where they are sent to all processes of a server, as systemd and
Heroku do. It tells its children to end, in order, by another one.
"""

from __future__ import annotations

import os
import signal
import threading

END = signal.SIGUSR2
"""The parent's signal to a child to end in order."""
_FOR_THE_PARENT = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
_before_fork = threading.local()


def leave_signals_to_parent() -> None:
    """Do nothing on signals that are for the parent; only for the main thread.

    Programs that this process starts do not inherit this, as they would a signal that is ignored.
    """
    for number in _FOR_THE_PARENT:
        signal.signal(number, _leave)


def let_forks_take_signals() -> None:
    """Have processes that user code forks from this one end by these signals, as whoever has made them expects."""
    os.register_at_fork(before=_hold, after_in_parent=_go_on, after_in_child=_take)


def _leave(number: int, frame: object) -> None:
    """Leave a signal to the parent."""


def _hold() -> None:
    """One that comes before the new process takes it would be lost."""
    _before_fork.mask = signal.pthread_sigmask(signal.SIG_BLOCK, _FOR_THE_PARENT)


def _go_on() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, _before_fork.mask)


def _take() -> None:
    for number in _FOR_THE_PARENT:
        if signal.getsignal(number) is _leave:
            signal.signal(number, signal.SIG_DFL)
    _go_on()
