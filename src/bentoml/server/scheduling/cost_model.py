"""How long a batch takes, learned from the batches that ran: `level + slope x requests`, and how far off that is.

The estimate starts from measurements alone; before there are some, nothing is predicted. It forgets exponentially, so
that it follows a model that becomes slower or faster within some tens of batches, and a batch far outside of what was
expected moves it only as far as one at the edge would, unless several in a row say the same.

Requests are counted, not rows: the front never looks into a body, so it cannot know rows before the batch has run.
"""

from __future__ import annotations

import sys
from math import sqrt

# Batches that must have been measured before anything is predicted: the first calls of a model are often slow.
MEASUREMENTS_NEEDED = 3
# Batches over which the estimate is an average.
MEMORY = 20
# A batch further off than this many spreads is cut to that ...
_OUTLIER_SPREADS = 4.0
# ... or to this share of the prediction, whichever is more.
_OUTLIER_SHARE = 0.1
# The spread itself looks at no more than this many times itself, so that rare stalls do not pass for noise.
_SPREAD_STEP = 3.0
# That many cut batches in a row, all to the same side, are a change.
_SURPRISES = 4
# The mean absolute deviation of normal noise times this is its standard deviation.
_DEVIATION = 1.25


class CostModel:
    """Seconds per batch of one API as a function of its requests.

    Attributes:
        is_ready: enough was measured to predict.
        level_s: of the line through the measurements, at no requests.
        slope_s: per request.
        spread: standard deviation of the time of a batch, as a share of its prediction.
    """

    __slots__ = (
        "_cross",
        "_far_n",
        "_far_s",
        "_far_slope_s",
        "_first",
        "_mean_n",
        "_mean_s",
        "_slope_error_s",
        "_surprises",
        "_variance",
        "_weight",
        "is_ready",
        "level_s",
        "slope_s",
        "spread",
    )

    def __init__(self) -> None:
        self.is_ready = False
        self.level_s = self.slope_s = self.spread = 0.0
        self._first: list[tuple[int, float]] = []
        self._weight = 0
        # The line passes through these means; variance (of requests) and cross product give its slope.
        self._mean_n = self._mean_s = 0.0
        self._variance = self._cross = 0.0
        self._slope_error_s = 0.0
        self._surprises = 0
        # Beyond this batch size the slope is a guess, and a lower one is used.
        self._far_n = self._far_s = self._far_slope_s = 0.0

    def predict(self, size: int) -> float:
        """Expected seconds of a batch; only when `is_ready`.

        For sizes far above all that was measured this is a low estimate: nothing is refused because of a guess.

        Args:
            size: requests, at least 1.
        """
        if size <= self._far_n:
            return self.level_s + self.slope_s * size
        return self._far_s + self._far_slope_s * (size - self._far_n)

    def largest_within(self, seconds: float) -> int:
        """The most requests whose batch is predicted to end within `seconds`; 0 when not even one is."""
        if seconds <= self._far_s:
            start_s, start_n, slope_s = self.level_s, 0.0, self.slope_s
        else:
            start_s, start_n, slope_s = self._far_s, self._far_n, self._far_slope_s
        if seconds < start_s:
            return 0
        size = start_n + (seconds - start_s) / slope_s if slope_s > 0 else sys.maxsize
        # A size that was put in comes out again, whatever the rounding.
        return int(size + 1e-6) if size < sys.maxsize else sys.maxsize

    def observe(self, size: int, seconds: float) -> None:
        """Learn from a batch that has ended.

        Args:
            size: requests in it, at least 1.
            seconds: from handing it to a worker until its answers were here.
        """
        if not self.is_ready:
            self._first.append((size, seconds))
            if len(self._first) == MEASUREMENTS_NEEDED:
                self._begin()
            return
        predicted_s = self.level_s + self.slope_s * size
        distance = size - self._mean_n
        doubt_s = abs(distance) * self._slope_error_s
        limit_s = max(_OUTLIER_SPREADS * (self.spread * predicted_s + doubt_s), _OUTLIER_SHARE * predicted_s)
        off_s = seconds - predicted_s
        if abs(off_s) <= limit_s:
            self._surprises = 0
        elif self._is_change(off_s):
            # What was learned before is worth no more than the batches that contradict it.
            self._weight = _SURPRISES
        else:
            off_s = limit_s if off_s > 0 else -limit_s
            seconds = predicted_s + off_s
        self._learn(distance, seconds, max(abs(off_s) - doubt_s, 0.0) / predicted_s)

    def _is_change(self, off_s: float) -> bool:
        step = 1 if off_s > 0 else -1
        self._surprises = self._surprises + step if self._surprises * step > 0 else step
        return abs(self._surprises) >= _SURPRISES

    def _begin(self) -> None:
        measured = _without_cold_call(self._first)
        self._first = []
        count = len(measured)
        self._mean_n = sum(size for size, _ in measured) / count
        self._mean_s = sum(seconds for _, seconds in measured) / count
        self._variance = sum((size - self._mean_n) ** 2 for size, _ in measured) / count
        self._cross = sum((size - self._mean_n) * (seconds - self._mean_s) for size, seconds in measured) / count
        self._weight = count
        self._draw_line()
        off_s = sum(abs(seconds - self.level_s - self.slope_s * size) for size, seconds in measured) / count
        self.spread = _DEVIATION * off_s / self._mean_s
        self._draw_line()
        self.is_ready = True

    def _learn(self, distance: float, seconds: float, off: float) -> None:
        if self._weight < MEMORY:
            self._weight += 1
        gain = 1.0 / self._weight
        off_mean_s = seconds - self._mean_s
        # The slope forgets only as fast as it learns: while all batches have one size, it stays as it was.
        square = distance * distance
        if square > 0:
            news = gain * min(1.0, square / self._variance) if self._variance > 0 else 1.0
            self._variance += news * (square - self._variance)
            self._cross += news * (distance * off_mean_s - self._cross)
        self._mean_n += gain * distance
        self._mean_s += gain * off_mean_s
        self.spread += gain * (min(_DEVIATION * off, _SPREAD_STEP * self.spread + 0.01) - self.spread)
        self._draw_line()

    def _draw_line(self) -> None:
        # More requests take no less time, and none takes less than nothing.
        steepest_s = self._mean_s / self._mean_n
        if self._variance > 0:
            self.slope_s = min(max(self._cross / self._variance, 0.0), steepest_s)
            reach = sqrt(self._variance)
            self._slope_error_s = min(self.spread * self._mean_s / (reach * sqrt(self._weight)), steepest_s)
        else:
            self.slope_s, reach, self._slope_error_s = 0.0, 0.0, steepest_s
        self.level_s = self._mean_s - self.slope_s * self._mean_n
        self._far_n = self._mean_n + 3.0 * reach
        self._far_s = self.level_s + self.slope_s * self._far_n
        self._far_slope_s = max(self.slope_s - self._slope_error_s, 0.0)


def _without_cold_call(measured: list[tuple[int, float]]) -> list[tuple[int, float]]:
    """Leave out a call that took far longer than its size explains, as the first one of a model often does."""
    middle_n, middle_s = (sorted(values)[len(measured) // 2] for values in zip(*measured, strict=True))
    slowest = max(measured, key=lambda each: each[1])
    explained_s = middle_s * max(1.0, slowest[0] / middle_n)
    # No time at all is a clock that stands, not a model.
    return [(n, max(s, 1e-9)) for n, s in measured if (n, s) != slowest or s <= 3.0 * explained_s]
