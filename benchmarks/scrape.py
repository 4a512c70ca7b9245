"""What a scrape of `/metrics` costs the event loop of the front, which all requests wait for.

    python -m benchmarks.scrape [--apis 20] [--series 500] [--workers 4] [--scrapes 50]

A front's metrics are filled with what its APIs count, and with reports of workers whose service has its own metrics,
as they come from their sockets. While the loop scrapes, a timer that should come every millisecond notes how late
it is: that is what a request would wait. The same is shown for a thread, which keeps the interpreter from the loop.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import statistics
import time
from itertools import cycle
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool

from bentoml.server.metrics.counters import DURATION_BOUNDS_S
from bentoml.server.metrics.exposition import written
from bentoml.server.metrics.metric_parts import Part, packed
from bentoml.server.metrics.server_metrics import ServerMetrics
from bentoml.server.metrics.slices import at_once
from bentoml.server.metrics.user_metrics import UserMetrics
from bentoml.server.processes.child import run_on_fast_loop
from bentoml.server.transport import wire
from bentoml.server.transport.worker_link import WorkerLink

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

TICK_S = 0.001
STATUSES = (200, 400, 429, 500)


def filled_metrics(apis: int) -> ServerMetrics:
    """Metrics of a service whose APIs have answered with several statuses each."""
    metrics = ServerMetrics("BENTOML", "Bench", "20260101000000_ABCDEF")
    for number in range(apis):
        counters = metrics.route(f"predict_{number}")
        for status in STATUSES:
            for duration_s in DURATION_BOUNDS_S:
                counters.started()
                counters.finished(status, duration_s)
        counters.batch_formed(7)
        counters.batch_waited(0.003)
        counters.batch_ended(0.02)
    metrics.gauge(
        "queue_depth", "Requests that wait.", lambda: dict.fromkeys(map(str, range(apis)), 3), label="endpoint"
    )
    return metrics


class ReportingWorker(wire.FrameProtocol):
    """Answers at once with a report of so many samples, as a worker's frame would come."""

    def __init__(self, pid: int, series: int) -> None:
        super().__init__(lambda *_: None, lambda _: None)
        self.link = WorkerLink(pid, self)
        self.link.has_metrics = True
        self.users: UserMetrics | None = None
        # Numbers differ from one report to the next, as they do.
        self._reports = cycle([_report(series, float(number)) for number in range(3)])

    def send(self, frame: bytes) -> None:
        """Take the question."""
        assert wire.unpack(frame[4:]) == [wire.METRICS]
        asyncio.get_running_loop().call_soon(self._answer)

    def _answer(self) -> None:
        assert self.users is not None
        self.users.on_frame(self.link, [wire.METRICS, next(self._reports), []])


def _report(series: int, value: float) -> list[bytes]:
    """The parts of a report."""
    parts = []
    for number in range(max(series // 50, 1)):
        name = f"shop_orders_{number}"
        values = {f'{name}_total{{customer="{customer}"}}': value for customer in range(min(series, 50))}
        parts += packed(Part(name, "counter", "Orders by customer.", values=values))
    return parts


class Lateness:
    """Notes how late the turns of the event loop come while something runs."""

    def __init__(self) -> None:
        self.latest_s = 0.0

    async def during(self, work: Awaitable[object]) -> float:
        """Wait for it; returns its seconds. `latest_s` is the longest that the loop was held up."""
        self.latest_s = 0.0
        ticking = asyncio.ensure_future(self._tick())
        await asyncio.sleep(5 * TICK_S)
        self.latest_s = 0.0
        started_s = time.perf_counter()
        await work
        seconds = time.perf_counter() - started_s
        await asyncio.sleep(2 * TICK_S)
        ticking.cancel()
        return seconds

    async def _tick(self) -> None:
        while True:
            due_s = time.perf_counter() + TICK_S
            await asyncio.sleep(TICK_S)
            self.latest_s = max(self.latest_s, time.perf_counter() - due_s)


async def measure(name: str, scrape: Callable[[], Awaitable[object]], times: int) -> None:
    """Print the work and the hold-up of a way to scrape."""
    lateness = Lateness()
    seconds, late = [], []
    for _ in range(times):
        seconds.append(await lateness.during(scrape()))
        late.append(lateness.latest_s)
    print(
        f"{name:32} {statistics.median(seconds) * 1e3:8.2f} ms, "
        f"loop held up {statistics.median(late) * 1e3:6.2f} ms (median) {max(late) * 1e3:6.2f} ms (worst)"
    )


async def run(options: argparse.Namespace) -> None:
    """Compare the ways."""
    metrics = filled_metrics(options.apis)
    workers = [ReportingWorker(pid, options.series) for pid in range(options.workers)]
    users = UserMetrics(lambda: [worker.link for worker in workers], asyncio.get_running_loop(), lambda _: None)
    for worker in workers:
        worker.users = users

    def render_in_one_go() -> bytes:
        return at_once(written(at_once(metrics.collecting())))

    async def in_loop_at_once() -> bytes:
        return render_in_one_go()

    async def sliced() -> bytes:
        return await metrics.scrapes.text(openmetrics=False)

    text = await sliced()
    compressed_kb = len(gzip.compress(text, 1)) / 1e3
    print(f"{options.apis} APIs: {text.count(10)} lines, {len(text) / 1e3:.0f} kB, with gzip {compressed_kb:.0f} kB")
    await measure("own metrics, in one go", in_loop_at_once, options.scrapes)
    await measure("own metrics, in a thread", lambda: run_in_threadpool(render_in_one_go), options.scrapes)
    await measure("own metrics, in slices", sliced, options.scrapes)
    metrics.scrapes.users = users
    text = await sliced()
    print(
        f"with {options.workers} workers of {options.series} samples: {text.count(10)} lines, {len(text) / 1e3:.0f} kB"
    )
    await measure("all metrics, in slices", sliced, options.scrapes)


def main() -> None:
    """Read the command line and run it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scrape", description=__doc__)
    parser.add_argument("--apis", type=int, default=20)
    parser.add_argument("--series", type=int, default=500, help="samples of each worker")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--scrapes", type=int, default=50)
    run_on_fast_loop(run(parser.parse_args()))


if __name__ == "__main__":
    main()
