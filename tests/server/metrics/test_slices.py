from __future__ import annotations

import asyncio
import time
from collections.abc import Generator

from bentoml.server.metrics.slices import at_once, in_slices


def work(steps: int, step_s: float) -> Generator[None, None, int]:
    for _ in range(steps):
        until_s = time.perf_counter() + step_s
        while time.perf_counter() < until_s:
            pass
        yield
    return steps


def test_at_once_gives_the_result() -> None:
    assert at_once(work(3, 0)) == 3


def test_in_slices_lets_the_loop_turn_between_slices_and_gives_the_result() -> None:
    async def scenario() -> tuple[int, int]:
        turns = 0

        async def count() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        counting = asyncio.ensure_future(count())
        result = await in_slices(work(20, 0.001))
        counting.cancel()
        return result, turns

    result, turns = asyncio.run(scenario())
    assert result == 20
    # Each step takes longer than a slice.
    assert turns >= 20


def test_in_slices_with_little_work_does_not_wait() -> None:
    async def scenario() -> int:
        turns = 0

        def turn() -> None:
            nonlocal turns
            turns += 1

        asyncio.get_running_loop().call_soon(turn)
        await in_slices(work(5, 0), slice_s=60)
        return turns

    assert asyncio.run(scenario()) == 0
