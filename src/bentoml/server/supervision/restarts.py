"""When a worker that died is followed by another one, and when that makes no sense any more. Pure: times are given."""

from __future__ import annotations

from collections import deque

# A worker that dies this often in a row without having been ready for `STEADY_S` ends the server.
MAX_EARLY_DEATHS = 5
STEADY_S = 10.0
# Of deaths over calls, this many in a minute are followed up at once: finding the call that kills takes some.
FREE_DEATHS = 20
_WINDOW_S = 60.0
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 5.0


class Restarts:
    """Counts the deaths of a server's workers.

    Attributes:
        early_deaths: deaths in a row, soon after the start and without calls in hand.
    """

    def __init__(self) -> None:
        self.early_deaths = 0
        self._deaths_s: deque[float] = deque()

    @property
    def is_loop(self) -> bool:
        """Whether workers die again and again by themselves."""
        return self.early_deaths >= MAX_EARLY_DEATHS

    def died(self, now_s: float, *, lived_s: float | None, had_work: bool) -> float:
        """A worker has died.

        Args:
            now_s: the time.
            lived_s: how long before that it was started; None when it was never ready.
            had_work: whether it died over its calls: a few that kill it must not end the server for everyone else.

        Returns:
            How long to wait before the next one is started, in seconds.
        """
        self._deaths_s.append(now_s)
        while self._deaths_s[0] < now_s - _WINDOW_S:
            self._deaths_s.popleft()
        if lived_s is not None and lived_s > STEADY_S:
            self.early_deaths = 0
        elif not had_work:
            self.early_deaths += 1
        return _pause_s(max(self.early_deaths - 1, len(self._deaths_s) - FREE_DEATHS))


def _pause_s(times: int) -> float:
    """The pause doubles with each time, so that a loop costs little."""
    if times < 1:
        return 0.0
    pause_s: float = _FIRST_PAUSE_S * 2.0 ** min(times - 1, 16)
    return min(pause_s, _LONGEST_PAUSE_S)
