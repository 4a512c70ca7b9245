"""One worker of a fleet, as its parent keeps it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from bentoml.server.processes.child_process import ChildProcess


class Member:
    """A worker of the fleet.

    Attributes:
        child: its process.
        gpu: the one that it sees; None when nobody has said it.
        started_s: when it was started.
        loss: whether it had calls in hand when the front lost it.
        watching: gives its exit code at its end.
        reason: why it was killed by us; None when it died by itself.
        worn: set to the reason when it is to be replaced in order.
    """

    def __init__(
        self, child: ChildProcess, on_message: Callable[[dict[str, Any]], None], gpu: str | None = None
    ) -> None:
        loop = asyncio.get_running_loop()
        self.child = child
        self.gpu = gpu
        self.started_s = loop.time()
        self.loss: asyncio.Future[bool] = loop.create_future()
        self.watching = asyncio.ensure_future(child.watch(on_message))
        self.reason: str | None = None
        self.worn: asyncio.Future[str] = loop.create_future()

    @property
    def pid(self) -> int:
        """Process id."""
        return self.child.pid

    async def until_it_needs_a_successor(self) -> None:
        """Wait for its end, or until it is worn."""
        awaited: set[asyncio.Future[Any]] = {self.watching, self.worn}
        await asyncio.wait(awaited, return_when=asyncio.FIRST_COMPLETED)

    async def until_ready_or_one_ends(self, other: Member) -> None:
        """Wait until it is ready, or it or another worker has ended."""
        readiness = asyncio.ensure_future(self.child.ready.wait())
        awaited: set[asyncio.Future[Any]] = {self.watching, other.watching, readiness}
        await asyncio.wait(awaited, return_when=asyncio.FIRST_COMPLETED)
        readiness.cancel()
