"""Answers to `/metrics`: those who ask at the same time share the work."""

from __future__ import annotations

import asyncio
import gzip
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool

from bentoml.server.metrics.exposition import written
from bentoml.server.metrics.slices import in_slices

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from bentoml.server.metrics.exposition import Family
    from bentoml.server.metrics.user_metrics import UserMetrics

# Text of metrics repeats itself: the fastest level makes a tenth of it.
_GZIP_LEVEL = 1


class _Scrape:
    """One reading of all numbers, and the texts made of it.

    Args:
        reading: gives the numbers.
    """

    def __init__(self, reading: asyncio.Task[list[Family]]) -> None:
        self._reading = reading
        self._texts: dict[tuple[bool, bool], asyncio.Task[bytes]] = {}

    async def text(self, *, openmetrics: bool, compressed: bool) -> bytes:
        """The numbers as text; made once for all who ask."""
        kind = (openmetrics, compressed)
        if kind not in self._texts:
            self._texts[kind] = asyncio.ensure_future(self._make(openmetrics=openmetrics, compressed=compressed))
        # One client that leaves must not take the text from the others.
        return await asyncio.shield(self._texts[kind])

    async def _make(self, *, openmetrics: bool, compressed: bool) -> bytes:
        if compressed:
            text = await self.text(openmetrics=openmetrics, compressed=False)
            return await run_in_threadpool(gzip.compress, text, _GZIP_LEVEL, mtime=0)
        return await in_slices(written(await self._reading, openmetrics=openmetrics))


class Scrapes:
    """Reads and writes metrics, one scrape at a time.

    Args:
        collecting: reads the server's own numbers.

    Attributes:
        users: metrics of the users' own code; None without workers, as in tests.
    """

    def __init__(self, collecting: Callable[[], Generator[None, None, list[Family]]]) -> None:
        self._collecting = collecting
        self.users: UserMetrics | None = None
        # Those who ask before its numbers are read share it.
        self._next: _Scrape | None = None
        self._turn = asyncio.Lock()

    async def text(self, *, openmetrics: bool, compressed: bool = False) -> bytes:
        """All metrics as they are now, encoded as UTF-8.

        Args:
            openmetrics: in that format instead of the Prometheus text format.
            compressed: with gzip.
        """
        scrape = self._next
        if scrape is None:
            scrape = self._next = _Scrape(asyncio.ensure_future(self._read()))
        return await scrape.text(openmetrics=openmetrics, compressed=compressed)

    async def _read(self) -> list[Family]:
        async with self._turn:
            try:
                if self.users is not None:
                    await self.users.gather()
            finally:
                # Whoever asks from now on wants newer numbers.
                self._next = None
            families = await in_slices(self._collecting())
            if self.users is not None:
                taken = {name for family in families for name in family.sample_names}
                families += await in_slices(self.users.merging(taken))
            return families
