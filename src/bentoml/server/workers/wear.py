"""Workers that do their work and are to be replaced all the same: for the memory they hold, or by plan. Pure."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bentoml.server.options.serve_options import ServeOptions
    from bentoml.server.transport.worker_link import WorkerLink

logger = logging.getLogger(__name__)

MEMORY, RECYCLED = "memory", "recycled"
# What the log says about a worker that is replaced for each reason.
MEANINGS = {MEMORY: "it has more memory than worker_max_rss_bytes", RECYCLED: "it has had its worker_max_requests"}
# Limits in requests differ by up to this share from worker to worker, so that not all are due at once.
_SPREAD = 0.1
_GOLDEN_RATIO = 0.618034
# A worker that lived at least this long is replaced for its memory at once.
STEADY_S = 60.0
_FIRST_PAUSE_S = 10.0
_LONGEST_PAUSE_S = 600.0
_AFTER_FAILURE_S = 30.0


class Wear:
    """Tells the front which workers are worn.

    Args:
        options: `worker_max_rss_bytes` and `worker_max_requests` count.
    """

    def __init__(self, options: ServeOptions) -> None:
        self._max_rss_bytes = options.worker_max_rss_bytes
        self._max_requests = options.worker_max_requests

    def reason_to_replace(self, link: WorkerLink) -> str | None:
        """Why a worker should be followed by another one; None when it may go on."""
        if self._max_requests is not None:
            spread = 1 + _SPREAD * (link.number * _GOLDEN_RATIO % 1)
            if link.requests >= self._max_requests * spread:
                return RECYCLED
        if self._max_rss_bytes is not None and link.rss_bytes is not None and link.rss_bytes > self._max_rss_bytes:
            return MEMORY
        return None


class Relief:
    """Tells the supervisor which worn workers it may replace now: a ceiling that is too low must cost little."""

    def __init__(self) -> None:
        self._pause_s = 0.0
        self._not_before_s = float("-inf")
        self._not_after_failure_s = float("-inf")
        self._has_warned = False

    def failed(self, now_s: float) -> None:
        """A worker that was to follow another one could not be started."""
        self._not_after_failure_s = now_s + _AFTER_FAILURE_S

    def is_due(self, reason: str, now_s: float, *, lived_s: float, has_worked: bool) -> bool:
        """Whether a worker is to be replaced now, which is then taken for done.

        Args:
            reason: why it is worn.
            now_s: the time.
            lived_s: how long it has been ready.
            has_worked: whether it has had any request; without one another worker would be no smaller.
        """
        if now_s < self._not_after_failure_s:
            return False
        if reason != MEMORY:
            return True
        if not has_worked:
            self._warn("Workers have more resident memory than worker_max_rss_bytes right after their start")
            return False
        if now_s < self._not_before_s:
            return False
        if lived_s >= STEADY_S:
            self._pause_s = 0.0
        else:
            self._pause_s = min(max(2 * self._pause_s, _FIRST_PAUSE_S), _LONGEST_PAUSE_S)
            if self._pause_s > _FIRST_PAUSE_S:
                self._warn("Workers reach worker_max_rss_bytes soon after their start")
        self._not_before_s = now_s + self._pause_s
        return True

    def _warn(self, what: str) -> None:
        if not self._has_warned:
            self._has_warned = True
            logger.warning("%s; they are replaced less often, or not. Raise the limit", what)
