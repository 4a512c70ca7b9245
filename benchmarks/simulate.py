"""Compares the server's scheduler with hand-tuned batching windows: `python -m benchmarks.simulate`.

Nothing runs but the scheduler: arrivals and the time of batches come from seeded generators, so every number is the
same on each machine. For each service time, trace and load it prints the goodput, the share of the requests that were
answered within their deadline, of

- no batching: one request per call;
- FIFO: whatever waits goes at once, without looking at deadlines;
- the best fixed window: of a grid of sizes and timeouts the pair that was best in trials of this very load;
- the scheduler, which starts cold and is told nothing but the deadline and the cap.

All of them drop requests whose deadline passes while they wait. A load of 100% is the most that a steady stream of
requests could have with every one answered in time.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.simulation.policies import FixedWindow, OwnScheduler
from benchmarks.simulation.service_times import SERVICE_TIMES
from benchmarks.simulation.simulator import goodput, goodput_of_window
from benchmarks.simulation.traces import TRACES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.simulation.service_times import ServiceTime

LOADS = (0.05, 0.10, 0.25, 0.50, 0.75, 0.90, 1.00, 1.25, 1.50, 2.00, 3.00)
# Windows are tuned with arrivals and noise of other seeds than they are compared with, as they would be in real life.
TUNING_SEED = 1000
# Timeouts of the grid, as shares of the deadline.
TIMEOUTS = (0.0, 0.01, 0.05, 0.1, 0.25, 0.5)


@dataclass(frozen=True)
class Row:
    """Goodput of each policy at one load.

    Attributes:
        load: offered, as a share of the capacity.
        single: no batching.
        fifo: work-conserving, without deadlines.
        window: the best fixed window.
        window_size: its size in requests.
        window_timeout_s: its timeout.
        own: the scheduler.
    """

    load: float
    single: float
    fifo: float
    window: float
    window_size: int
    window_timeout_s: float
    own: float


def compare(
    service: ServiceTime, trace: str, loads: Sequence[float], deadlines: int, seeds: Sequence[int]
) -> Iterator[Row]:
    """Run all policies against the same arrivals.

    Args:
        service: how long batches take.
        trace: name of one of `TRACES`.
        loads: shares of the capacity.
        deadlines: the simulated time in budgets of a request; at a load of 100% at least ten times as many come.
        seeds: of arrivals and noise; goodput is the mean over all.
    """
    length_s = max(deadlines * service.deadline_s, deadlines * 10 / service.capacity_per_s)
    windows = [FixedWindow(size, share * service.deadline_s) for size in sizes_of(service) for share in TIMEOUTS]
    for load in loads:
        rate = load * service.capacity_per_s
        count = max(int(rate * length_s), 1)

        def arrivals(seed: int, rate: float = rate, count: int = count) -> list[float]:
            return TRACES[trace](rate, count, service.deadline_s, seed)

        tuning = [(arrivals(TUNING_SEED + seed), TUNING_SEED + seed) for seed in seeds]
        runs = [(arrivals(seed), seed) for seed in seeds]
        best = max(windows, key=lambda window: _mean_goodput(window, tuning, service))
        own = sum(goodput(OwnScheduler(service), times_s, service, seed) for times_s, seed in runs) / len(runs)
        single, fifo, tuned = (
            _mean_goodput(window, runs, service)
            for window in (FixedWindow(1, 0.0), FixedWindow(service.cap, 0.0), best)
        )
        yield Row(load, single, fifo, tuned, best.size, best.timeout_s, own)


def _mean_goodput(window: FixedWindow, runs: Sequence[tuple[list[float], int]], service: ServiceTime) -> float:
    return sum(goodput_of_window(window, times_s, service, seed) for times_s, seed in runs) / len(runs)


def sizes_of(service: ServiceTime) -> list[int]:
    """Batch sizes of the grid: powers of four up to the cap, and what half of a deadline holds."""
    half = int((service.deadline_s / 2 - service.level_s) / service.slope_s)
    powers = {1 << power for power in range(0, 13, 2)}
    return sorted({size for size in (*powers, half, half // 2, service.cap) if 1 <= size <= service.cap})


def main() -> None:
    """Print the tables as Markdown."""
    parser = argparse.ArgumentParser(description="Compare the scheduler with hand-tuned batching windows.")
    parser.add_argument("--deadlines", type=int, default=50, help="simulated time in budgets of a request")
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=3, help="runs per number, each with arrivals of its own")
    parser.add_argument("--only", default="", help="run the service times whose name contains this text")
    parser.add_argument("--trace", choices=[*TRACES, "all"], default="all")
    options = parser.parse_args()
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    for service in SERVICE_TIMES:
        for trace in TRACES:
            if options.only in service.name and options.trace in {trace, "all"}:
                print_table(service, trace, options.deadlines, seeds)


def print_table(service: ServiceTime, trace: str, deadlines: int, seeds: Sequence[int]) -> None:
    """Print one table."""
    print(f"\n### {service.name}, {trace}\n")
    print("| load | no batching | FIFO | best fixed window | its size, timeout | scheduler |")
    print("|---|---|---|---|---|---|")
    for row in compare(service, trace, LOADS, deadlines, seeds):
        window = f"{row.window_size}, {row.window_timeout_s * 1000:g} ms"
        print(
            f"| {row.load:.0%} | {row.single:.2%} | {row.fifo:.2%} | {row.window:.2%} | {window} | {row.own:.2%} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
