"""How often passwords may be wrong: for one user, and from one address, within a minute.

What is counted is kept in memory and forgotten after the minute. Tokens are not counted: nobody guesses 256 bits.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from typing import TYPE_CHECKING

from bentoml.yatai.server.errors import RequestRefused

if TYPE_CHECKING:
    from collections.abc import Callable

WINDOW_S = 60.0
# So many users and addresses are kept; the oldest go first.
MAX_KEPT = 10_000


class LoginLimits:
    """Counts wrong passwords.

    Args:
        failures: as many are let through within a minute.
        clock: seconds.
    """

    def __init__(self, failures: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._failures = failures
        self._clock = clock
        self._lock = threading.Lock()
        self._times: OrderedDict[str, deque[float]] = OrderedDict()

    def begin(self, user: str, address: str) -> None:
        """Count an attempt as failed until it is known otherwise, so that many at the same time are counted too.

        Raises:
            RequestRefused: there were too many; it says when to come again.
        """
        now = self._clock()
        with self._lock:
            kept = [self._recent(key, now) for key in self._keys(user, address)]
            full = [times[0] for times in kept if len(times) >= self._failures]
            if full:
                wait_s = max(1, round(max(full) + WINDOW_S - now))
                raise RequestRefused(
                    429, f"Too many wrong passwords; try again in {wait_s} seconds", {"retry-after": str(wait_s)}
                )
            for times in kept:
                times.append(now)

    def succeeded(self, user: str, address: str) -> None:
        """The last attempt was right: it does not count, nor do those before it for this user."""
        with self._lock:
            of_user, of_address = self._keys(user, address)
            self._times.pop(of_user, None)
            times = self._times.get(of_address)
            if times:
                times.pop()

    def _recent(self, key: str, now: float) -> deque[float]:
        times = self._times.setdefault(key, deque())
        self._times.move_to_end(key)
        while times and now - times[0] >= WINDOW_S:
            times.popleft()
        while len(self._times) > MAX_KEPT:
            self._times.popitem(last=False)
        return times

    @staticmethod
    def _keys(user: str, address: str) -> tuple[str, str]:
        return f"user {user}", f"address {address}"
