"""Those who ask for metrics at the same time share the work, and nobody gets old numbers."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Generator
from typing import Any, cast

import pytest

from bentoml.server.metrics.exposition import Family
from bentoml.server.metrics.scrape import Scrapes
from bentoml.server.metrics.user_metrics import UserMetrics


class Numbers:
    """Counts how often it is read; the users' part of it waits until the test says so."""

    def __init__(self) -> None:
        self.readings = 0
        self.error: Exception | None = None
        self.may_go_on = asyncio.Event()
        self.is_read = asyncio.Event()
        self.scrapes = Scrapes(self.collecting)
        self.scrapes.users = cast("UserMetrics", self)

    def collecting(self) -> Generator[None, None, list[Family]]:
        self.readings += 1
        self.is_read.set()
        yield
        family = Family("readings", "counter", "Readings.")
        family.add(self.readings)
        return [family]

    async def gather(self) -> None:
        await self.may_go_on.wait()
        if self.error is not None:
            raise self.error

    def merging(self, taken: set[str]) -> Generator[None, None, list[Family]]:
        assert taken == {"readings", "readings_total"}
        yield
        return [Family("orders", "counter", "Orders.", lines=["orders_total 1.0"])]

    def ask(self, *, openmetrics: bool = False, compressed: bool = False) -> asyncio.Task[bytes]:
        return asyncio.ensure_future(self.scrapes.text(openmetrics=openmetrics, compressed=compressed))


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def run(scenario: Any) -> None:
    async def staged() -> None:
        await scenario(Numbers())

    asyncio.run(staged())


def test_text_asked_for_together_is_read_once_in_all_forms() -> None:
    async def scenario(numbers: Numbers) -> None:
        asked = [
            numbers.ask(openmetrics=openmetrics, compressed=compressed)
            for openmetrics in (False, True)
            for compressed in (False, True)
        ]
        asked += [numbers.ask() for _ in range(100)]
        await turns()
        numbers.may_go_on.set()
        plain, packed, openmetrics, packed_openmetrics, *others = await asyncio.gather(*asked)
        assert numbers.readings == 1
        assert b"readings_total 1.0\n" in plain
        assert b"orders_total 1.0\n" in plain
        assert openmetrics.endswith(b"# EOF\n")
        assert gzip.decompress(packed) == plain
        assert gzip.decompress(packed_openmetrics) == openmetrics
        assert set(others) == {plain}

    run(scenario)


def test_text_asked_for_after_the_numbers_were_read_is_newer() -> None:
    async def scenario(numbers: Numbers) -> None:
        numbers.may_go_on.set()
        first = numbers.ask()
        await numbers.is_read.wait()
        second = numbers.ask()
        assert b"readings_total 1.0" in await first
        assert b"readings_total 2.0" in await second
        assert b"readings_total 3.0" in await numbers.ask()

    run(scenario)


def test_client_that_leaves_takes_nothing_from_the_others() -> None:
    async def scenario(numbers: Numbers) -> None:
        leaving, staying = numbers.ask(), numbers.ask()
        await turns()
        leaving.cancel()
        await turns()
        numbers.may_go_on.set()
        assert b"readings_total 1.0" in await staying
        with pytest.raises(asyncio.CancelledError):
            await leaving

    run(scenario)


def test_scrape_that_fails_is_followed_by_one_that_works() -> None:
    async def scenario(numbers: Numbers) -> None:
        numbers.error = RuntimeError("no luck")
        numbers.may_go_on.set()
        with pytest.raises(RuntimeError, match="no luck"):
            await numbers.ask()
        numbers.error = None
        assert b"readings_total 1.0" in await numbers.ask()

    run(scenario)
