"""A moment for clients that will ask again at once, before the next dear batch is sent off without them. Pure.

Clients in a closed loop send their next request when they have the last answer. When a batch ends, half of them wait
already; sent at once, those run as one batch, and the others, who come a moment later, as the next: two calls of the
model where one would do, for ever. So where a call is dear whatever its size, its answers are written first, and what
waits goes off when as many requests have come as answers were written, or after a part of what a call costs at least.

Whether clients come back is learned: where they do not, nothing is held, save now and then to see whether that is so.
Nothing is ever held for a worker that was idle, so a request that comes alone does not wait.
"""

from __future__ import annotations

# A call that takes less, however few requests it has, is repeated sooner than clients come back.
DEAR_S = 0.0025
# The longest wait as a share of that time, and its bounds; timers of the event loop count in whole milliseconds.
WAIT_SHARE = 0.25
MIN_WAIT_S = 0.001
MAX_WAIT_S = 0.005
# The worker is idle while answers are written and the next requests read, which is so much for each ...
_ROUND_TRIP_S = 20e-6
# ... and may take at most this share of the call that is saved.
_IDLE_SHARE = 0.5
# With fewer clients than this coming back, waiting does not pay; it is tried again after so many batches.
_WORTHWHILE_SHARE = 0.5
_TRY_EVERY = 32
_NEWS_SHARE = 0.25


class Gathering:
    """Decides for one queue.

    Attributes:
        is_on: whether what waits is held now.
    """

    __slots__ = ("_answered", "_returned", "_returning_share", "_skipped", "is_on")

    def __init__(self) -> None:
        self.is_on = False
        self._answered = 0
        self._returned = 0
        self._returning_share = 1.0
        self._skipped = 0

    def begin(self, level_s: float, answered: int, waiting: int) -> float:
        """A batch has ended: hold what waits, or not.

        Args:
            level_s: what a call takes however few requests it has; 0 when that is not known.
            answered: requests in the batch that ended.
            waiting: requests in the queue.

        Returns:
            For how many seconds at most, from when its answers are written; 0 for not at all.
        """
        is_dear = level_s >= DEAR_S and answered * _ROUND_TRIP_S <= _IDLE_SHARE * level_s
        if self.is_on or not is_dear or waiting > 2 * answered:
            return 0.0
        if self._returning_share < _WORTHWHILE_SHARE:
            self._skipped += 1
            if self._skipped < _TRY_EVERY:
                return 0.0
        self._skipped = 0
        self.is_on = True
        self._answered, self._returned = answered, 0
        return min(max(WAIT_SHARE * level_s, MIN_WAIT_S), MAX_WAIT_S)

    def arrived(self) -> bool:
        """A request has come while it is on; returns whether as many have come as were answered."""
        self._returned += 1
        return self._returned >= self._answered

    def end(self) -> None:
        """The wait is over."""
        self.is_on = False
        share = min(self._returned / self._answered, 1.0)
        self._returning_share += _NEWS_SHARE * (share - self._returning_share)
