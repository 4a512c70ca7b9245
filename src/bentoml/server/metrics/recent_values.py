"""When gauges were set that show the newest of several processes' numbers.

The library notes that only when it keeps its numbers in files, which we do not ask for. It hands the time to the object
that holds the number all the same, so that object is replaced by one that keeps both.
"""

from __future__ import annotations

import time
from typing import Any

MODES = frozenset({"mostrecent", "livemostrecent"})


class TimedValue:
    """A number and when it was set, in the place of the library's `MutexValue`.

    Args:
        value: the number so far; it counts as set now unless it is 0, as before any setting.
    """

    def __init__(self, value: float) -> None:
        self._pair = (value, time.time() if value else 0.0)

    @property
    def set_s(self) -> float:
        """When it was set, in seconds since 1970; 0 when never."""
        return self._pair[1]

    def get(self) -> float:
        """The number."""
        return self._pair[0]

    def set(self, value: float, timestamp: float | None = None) -> None:
        """Set it."""
        self._pair = (value, time.time() if timestamp is None else timestamp)


def watch(gauge: Any) -> dict[tuple[str, ...], float]:
    """Have a gauge note from now on when it is set.

    Args:
        gauge: one of the library's that shows the newest number.

    Returns:
        When it was set, by label values.
    """
    children = getattr(gauge, "_metrics", None)
    found = {(): gauge} if children is None else dict(children)
    for child in found.values():
        if not isinstance(child._value, TimedValue):
            child._value = TimedValue(child._value.get())
    return {labels: child._value.set_s for labels, child in found.items()}
