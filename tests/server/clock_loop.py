"""An event loop for code that only needs a clock, `call_soon` and `call_at`; time moves when the test says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Handle:
    """What `call_at` returns."""

    def __init__(self, when_s: float, callback: Callable[[], None]) -> None:
        self.when_s = when_s
        self.callback = callback
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class ClockLoop:
    """Runs callbacks in the order in which a real loop would."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self._soon: list[Callable[[], None]] = []
        self._timers: list[Handle] = []

    def time(self) -> float:
        return self.now_s

    def call_soon(self, callback: Callable[..., None], *args: Any) -> None:
        self._soon.append(lambda: callback(*args))

    def call_at(self, when_s: float, callback: Callable[[], None]) -> Handle:
        handle = Handle(when_s, callback)
        self._timers.append(handle)
        return handle

    @property
    def timers(self) -> list[Handle]:
        return [timer for timer in self._timers if not timer.cancelled]

    def turn(self) -> None:
        """Run what is due now."""
        while self._soon:
            self._soon.pop(0)()

    def advance(self, seconds: float) -> None:
        """Move the clock, running timers at their own time."""
        end_s = self.now_s + seconds
        while due := [timer for timer in self.timers if timer.when_s <= end_s]:
            timer = min(due, key=lambda each: each.when_s)
            self._timers.remove(timer)
            self.now_s = max(self.now_s, timer.when_s)
            timer.callback()
            self.turn()
        self.now_s = end_s
