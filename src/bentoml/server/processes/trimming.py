"""Memory that large bodies have taken goes back to the system.

The C library keeps freed blocks for the next ones, which makes large bodies cheap: a block of its own for each would
cost as much time as all the rest. But one small block behind them keeps hundreds of megabytes from ever going back. So
it is asked to let go of what is free, now and then.
"""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any

from bentoml.server.processes.memory import resident_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

# Less than this is not worth the work.
WORTH_BYTES = 32 << 20


def system_trim() -> Callable[[], Any] | None:
    """Asks the C library to let go of free memory; None where it cannot (it takes glibc)."""
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError, TypeError):
        return None
    return lambda: trim(0)


class Trimming:
    """Gives back what is free, when much has come since the process was at its smallest.

    Args:
        resident: memory of this process in bytes, or None.
        trim: gives back what is free; None does nothing.
    """

    def __init__(
        self,
        resident: Callable[[], int | None] = resident_bytes,
        trim: Callable[[], Any] | None = None,
    ) -> None:
        self._resident = resident
        self._trim = system_trim() if trim is None else trim
        self._least_bytes = resident()

    def look(self) -> None:
        """Trim if it may be of use. It takes a few milliseconds then, and microseconds else."""
        now_bytes = self._resident()
        if now_bytes is None or self._least_bytes is None or self._trim is None:
            return
        if now_bytes > self._least_bytes + WORTH_BYTES:
            self._trim()
            now_bytes = self._resident() or now_bytes
        self._least_bytes = min(self._least_bytes, now_bytes)
