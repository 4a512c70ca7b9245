"""One timer for everything that has a deadline."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

NEVER_S = float("inf")


class Alarm:
    """Goes off at the soonest deadline that it was told; most deadlines are never reached, and cost a comparison.

    Args:
        loop: its timers are used.
        on_time: called with the time that the alarm was set to; it sets the next one.

    Attributes:
        when_s: when it goes off.
    """

    __slots__ = ("_loop", "_on_time", "_timer", "when_s")

    def __init__(self, loop: asyncio.AbstractEventLoop, on_time: Callable[[float], None]) -> None:
        self._loop = loop
        self._on_time = on_time
        self._timer: asyncio.TimerHandle | None = None
        self.when_s = NEVER_S

    def set(self, when_s: float) -> None:
        """Go off then, and not at any other time.

        Args:
            when_s: on the clock of the loop; `NEVER_S` for not at all.
        """
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if when_s == NEVER_S else self._loop.call_at(when_s, self._go_off)
        self.when_s = when_s

    def _go_off(self) -> None:
        self._on_time(self.when_s)
