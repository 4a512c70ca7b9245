"""Long work in the event loop, cut into slices so that nobody waits for it.

A thread would not help: while it runs Python, the loop waits for the interpreter up to 5 ms each time it wakes up. Work
that stops by itself after half a millisecond holds nobody up for longer than that.

The work is a generator that yields wherever it can be interrupted, and returns its result.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

SLICE_S = 0.0005

T = TypeVar("T")


async def in_slices(work: Generator[None, None, T], slice_s: float = SLICE_S) -> T:
    """Run work to its end, with a turn of the event loop after each slice; returns its result."""
    slices = _Slices(work)
    until_s = time.perf_counter() + slice_s
    for _ in slices:
        if time.perf_counter() >= until_s:
            await asyncio.sleep(0)
            until_s = time.perf_counter() + slice_s
    return slices.result


def at_once(work: Generator[None, None, T]) -> T:
    """Run work to its end without a pause; returns its result."""
    slices = _Slices(work)
    for _ in slices:
        pass
    return slices.result


class _Slices(Generic[T]):
    """A generator whose result is there when it has been iterated."""

    result: T

    def __init__(self, work: Generator[None, None, T]) -> None:
        self._work = work

    def __iter__(self) -> Iterator[None]:
        self.result = yield from self._work
