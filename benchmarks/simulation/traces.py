"""Times at which requests arrive, in order, from a seed."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def poisson(rate: float, count: int, _deadline_s: float, seed: int) -> list[float]:
    """Independent callers at a steady rate."""
    random, now_s, times_s = Random(seed), 0.0, []
    for _ in range(count):
        now_s += random.expovariate(rate)
        times_s.append(now_s)
    return times_s


def bursts(rate: float, count: int, deadline_s: float, seed: int) -> list[float]:
    """Phases of two budgets on average at twice the rate, between phases as long in which nothing comes."""
    random, now_s = Random(seed), 0.0
    times_s: list[float] = []
    end_s = random.expovariate(1 / (2 * deadline_s))
    while len(times_s) < count:
        now_s += random.expovariate(2 * rate)
        while now_s > end_s:
            silence_s = random.expovariate(1 / (2 * deadline_s))
            now_s += silence_s
            end_s += silence_s + random.expovariate(1 / (2 * deadline_s))
        times_s.append(now_s)
    return times_s


def ramp(rate: float, count: int, _deadline_s: float, seed: int) -> list[float]:
    """From nothing to twice the rate, growing steadily."""
    random, length_s = Random(seed), count / rate
    return sorted(length_s * random.random() ** 0.5 for _ in range(count))


TRACES: dict[str, Callable[[float, int, float, int], list[float]]] = {
    "poisson": poisson,
    "bursts": bursts,
    "ramp": ramp,
}
