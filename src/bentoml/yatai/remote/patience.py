"""How long what has failed is tried again."""

from __future__ import annotations

import logging
import random
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from bentoml.yatai.remote.failures import TransientError

logger = logging.getLogger(__name__)

_FIRST_WAIT_S = 0.1
_LONGEST_WAIT_S = 5.0


class Patience:
    """Waits between attempts at one thing, longer each time, until nothing has moved for too long.

    Args:
        lasts_s: longest time from a failure on without progress.
        clock: gives the time in seconds.
        sleep: waits so many seconds.
    """

    def __init__(
        self,
        lasts_s: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._lasts_s = lasts_s
        self._clock = clock
        self._sleep = sleep
        self._fails_since: float | None = None
        self._wait_s = _FIRST_WAIT_S
        self._has_told = False

    def moved(self) -> None:
        """There is progress: the time begins anew."""
        self._fails_since = None
        self._wait_s = _FIRST_WAIT_S

    def wait(self, error: TransientError) -> None:
        """Wait before the next attempt.

        Raises:
            TransientError: the one that is given, when the time is over.
        """
        wait_s = self._wait_s * random.uniform(0.5, 1)  # noqa: S311 - so that clients do not come all at once
        wait_s = max(wait_s, error.retry_after_s or 0)
        # From the first failure on: what took its time before it failed is tried again all the same.
        if self._fails_since is None:
            self._fails_since = self._clock()
        if self._clock() + wait_s > self._fails_since + self._lasts_s:
            raise error
        if not self._has_told and self._wait_s > 1:
            self._has_told = True
            logger.warning("%s. Trying again, for up to %d s", error, self._lasts_s)
        self._sleep(wait_s)
        self._wait_s = min(self._wait_s * 2, _LONGEST_WAIT_S)
