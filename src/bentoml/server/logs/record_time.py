"""The time as logs have it: local, with milliseconds, `2026-03-14 15:09:26,535`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class RecordTime:
    """Writes the time; all but the milliseconds is made once a second.

    Args:
        clock: seconds since 1970.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        # In one value, as threads share it.
        self._kept = (-1, "")

    def text(self) -> str:
        """The time now."""
        now_s = self._clock()
        second = int(now_s)
        kept_second, text = self._kept
        if kept_second != second:
            text = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(second))
            self._kept = (second, text)
        return f"{text},{int((now_s - second) * 1000):03d}"
