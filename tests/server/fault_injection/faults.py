"""What is done to a server while its clients go on."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

from tests.server.fault_injection.clients import Crowd
from tests.server.fault_injection.orders import OrderBook
from tests.server.fault_injection.processes import age_s, processes_of, role

# A worker this old has loaded the bundle, also on a busy machine.
_GROWN_S = 4.0
# Workers that are killed before they are ready: five of them in a row end the server, as they should.
_MAX_EARLY_KILLS = 2


class Saboteur:
    """Breaks things at random, one after another.

    Args:
        home: of the server, which tells its processes.
        rng: decides what, and when.
        crowd, orders: send what ends or holds a worker.
        reload: makes the server load a new version of its bundle.

    Attributes:
        done: how often each thing was done.
    """

    def __init__(
        self,
        home: Path,
        rng: random.Random,
        crowd: Crowd,
        orders: OrderBook,
        reload: Callable[[], Awaitable[None]],
    ) -> None:
        self._home = home
        self._rng = rng
        self._crowd = crowd
        self._orders = orders
        self._reload = reload
        self._early_kills = 0
        self.done: Counter[str] = Counter()

    async def run(self, end_s: float, pauses_s: tuple[float, float], weights: dict[str, int]) -> None:
        """Do one thing after another until `end_s` on the loop's clock.

        Args:
            end_s: nothing is begun after it.
            pauses_s: shortest and longest time between two things.
            weights: names of methods of this class, and how often each comes in one round of all.
        """
        loop = asyncio.get_running_loop()
        deck: list[str] = []
        while loop.time() < end_s:
            if not deck:
                deck = [name for name, weight in weights.items() for _ in range(weight)]
                self._rng.shuffle(deck)
            name = deck.pop()
            if await getattr(self, name)():
                self.done[name] += 1
            await asyncio.sleep(self._rng.uniform(*pauses_s))

    def workers(self, youngest_s: float = _GROWN_S) -> list[int]:
        """Process ids of the workers that were started some time ago."""
        return [pid for pid in processes_of(self._home) if role(pid) == "worker" and age_s(pid) >= youngest_s]

    def _victim(self, youngest_s: float = _GROWN_S) -> int | None:
        workers = self.workers(youngest_s)
        return self._rng.choice(workers) if workers else None

    def _signal(self, pid: int | None, number: int) -> bool:
        if pid is None:
            return False
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return False
        return True

    async def kill(self) -> bool:
        """Kill a worker."""
        return self._signal(self._victim(), signal.SIGKILL)

    async def kill_all(self) -> bool:
        """Kill every worker at once."""
        killed = [self._signal(pid, signal.SIGKILL) for pid in self.workers()]
        return any(killed)

    async def kill_early(self) -> bool:
        """Kill a worker that may not be ready."""
        if self._early_kills == _MAX_EARLY_KILLS:
            return False
        self._early_kills += 1
        return self._signal(self._victim(0.0), signal.SIGKILL)

    async def stop(self) -> bool:
        """Stop a worker for good."""
        return self._signal(self._victim(), signal.SIGSTOP)

    async def pause(self) -> bool:
        """Stop a worker for a moment."""
        pid = self._victim()
        if not self._signal(pid, signal.SIGSTOP):
            return False
        await asyncio.sleep(self._rng.uniform(0.01, 1.0))
        self._signal(pid, signal.SIGCONT)
        return True

    async def hang(self) -> bool:
        """Send a request that never comes to an end."""
        await self._crowd.ask(self._orders.fatal("hang"))
        return True

    async def poison(self) -> bool:
        """Send a request that kills its worker."""
        await self._crowd.ask(self._orders.fatal("poison"))
        return True

    async def reload(self) -> bool:
        """Save a new version of the bundle and have it loaded."""
        await self._reload()
        return True
