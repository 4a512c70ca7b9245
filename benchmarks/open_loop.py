"""An open-loop load generator: requests leave at their times whatever the server does, as those of many clients would.

Run as a process of its own, `python -m benchmarks.open_loop`, it prints one line of JSON. Arrivals are a Poisson
process. Every latency counts from the time at which the request was due, so that a server cannot look better by
slowing the generator down; how late requests left is reported as `lag`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import sys
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any, cast

import uvloop

from benchmarks.probe import FLOWERS, Ask

SENDS_AT_ONCE = 32
END_LIMIT_S = 10.0
"""How long answers are waited for after the last request was due."""


@dataclass(frozen=True)
class Plan:
    """What is sent.

    Attributes:
        rate: Requests per second on average.
        duration_s: Time in which requests are due.
        deadline_s: An answer counts as good when it comes within this time.
        connections: Most connections at the same time; each carries one request at a time.
        window_s: Outcomes are also counted for each stretch of this length.
        seed: Of the arrivals.
    """

    port: int
    path: str
    rate: float
    duration_s: float
    deadline_s: float
    connections: int
    window_s: float
    seed: int


@dataclass
class Tally:
    """What came of the requests.

    Attributes:
        outcomes: Number by outcome: `good`, `late`, `wrong`, `status_429` and the like, `lost` with its connection,
            `unanswered` at the end, `unsent` because no connection was free.
        good_by_window: Good answers by the window in which their requests were due.
        latencies_s: Of all right answers, late ones too.
        lags_s: By how much requests left later than due.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    good_by_window: Counter[int] = field(default_factory=Counter)
    latencies_s: list[float] = field(default_factory=list)
    lags_s: list[float] = field(default_factory=list)


class Generator:
    """Sends what is due on whichever connection is free."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.tally = Tally()
        self.loop = asyncio.get_running_loop()
        self.free: list[Connection] = []
        self.open = 0
        self.waiting: deque[float] = deque()
        self.in_flight = 0
        self._random = random.Random(plan.seed)
        self._connecting: set[asyncio.Task[Any]] = set()
        self._all_sent = False
        self._settled = asyncio.Event()
        ask = Ask(plan.path)
        head = f"POST {plan.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: "
        self.requests = [
            (f"{head}{len(ask.encode(row))}\r\n\r\n".encode() + ask.encode(row), b"[%d]" % label)
            for row, label in FLOWERS
        ]

    async def run(self) -> Tally:
        """Send everything, wait for what is under way."""
        await asyncio.gather(*(self._connect() for _ in range(min(self.plan.connections, 64))))
        if not self.open:
            raise ConnectionError(f"no connection to 127.0.0.1:{self.plan.port}; is the server running?")
        self.began = self.loop.time() + 0.1
        due = self.began
        end = self.began + self.plan.duration_s
        sent = 0
        while (due := due + self._random.expovariate(self.plan.rate)) < end:
            ahead_s = due - self.loop.time()
            # One that is behind must go on reading answers, or it would make the server look slow.
            if ahead_s > 0 or sent % SENDS_AT_ONCE == 0:
                await asyncio.sleep(max(0.0, ahead_s))
            self._send_or_keep(due)
            sent += 1
        self._all_sent = True
        self.settle()
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._settled.wait(), END_LIMIT_S)
        self.tally.outcomes["unanswered"] += self.in_flight
        self.tally.outcomes["unsent"] += len(self.waiting)
        return self.tally

    def _send_or_keep(self, due: float) -> None:
        if self.free:
            self.free.pop().send(due)
            return
        self.waiting.append(due)
        self.open_more()

    def open_more(self) -> None:
        """Open a connection when a request waits for one and the plan allows it."""
        if self.waiting and self.open < self.plan.connections:
            task = self.loop.create_task(self._connect())
            self._connecting.add(task)
            task.add_done_callback(self._connecting.discard)

    async def _connect(self) -> None:
        self.open += 1
        try:
            await self.loop.create_connection(lambda: Connection(self), "127.0.0.1", self.plan.port)
        except OSError:
            self.open -= 1
            self.tally.outcomes["refused_connections"] += 1

    def settle(self) -> None:
        """See whether everything has an outcome."""
        if self._all_sent and not self.in_flight and not self.waiting:
            self._settled.set()

    def take(self, connection: Connection) -> None:
        """A connection is free: it takes the oldest request that waits for one."""
        if self.waiting:
            connection.send(self.waiting.popleft())
        else:
            self.free.append(connection)

    def count(self, due: float, status: int, *, right: bool) -> None:
        """An answer is there."""
        latency_s = self.loop.time() - due
        if status != 200:
            self.tally.outcomes[f"status_{status}"] += 1
        elif not right:
            self.tally.outcomes["wrong"] += 1
        else:
            self.tally.latencies_s.append(latency_s)
            in_time = latency_s <= self.plan.deadline_s
            self.tally.outcomes["good" if in_time else "late"] += 1
            if in_time:
                self.tally.good_by_window[int((due - self.began) / self.plan.window_s)] += 1


class Connection(asyncio.Protocol):
    """One kept-alive connection with at most one request under way."""

    def __init__(self, generator: Generator) -> None:
        self._generator = generator
        self._transport: asyncio.Transport | None = None
        self._due: float | None = None
        self._expected = b""
        self._received = b""
        self._turn = generator.open

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It can be used."""
        self._transport = cast("asyncio.Transport", transport)
        self._generator.take(self)

    def send(self, due: float) -> None:
        """Send the next flower."""
        assert self._transport is not None
        self._turn += 1
        content, self._expected = self._generator.requests[self._turn % len(self._generator.requests)]
        self._due = due
        self._generator.in_flight += 1
        self._generator.tally.lags_s.append(self._generator.loop.time() - due)
        self._transport.write(content)

    def data_received(self, data: bytes) -> None:
        """Part of an answer, usually all of it."""
        self._received = received = self._received + data if self._received else data
        head_bytes = received.find(b"\r\n\r\n") + 4
        if head_bytes < 4:
            return
        head = received[:head_bytes].lower()
        length_at = head.index(b"content-length:") + 15
        length_bytes = int(head[length_at : head.index(b"\r\n", length_at)])
        if len(received) < head_bytes + length_bytes or self._due is None:
            return
        self._received = b""
        due, self._due = self._due, None
        self._generator.in_flight -= 1
        self._generator.count(due, int(head[9:12]), right=received[head_bytes:] == self._expected)
        if b"connection: close" not in head:
            self._generator.take(self)
        self._generator.settle()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the signature is asyncio's
        """The server has closed it, perhaps before it answered."""
        generator = self._generator
        generator.open -= 1
        if self._due is not None:
            self._due = None
            generator.in_flight -= 1
            generator.tally.outcomes["lost"] += 1
            generator.settle()
        elif self in generator.free:
            generator.free.remove(self)
        generator.open_more()


def percentile(values: list[float], share: float) -> float | None:
    """The smallest value that at least this share of the values does not exceed; None of an empty list."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def report(plan: Plan, tally: Tally) -> dict[str, Any]:
    """The sums as they are printed; rates per second, times in milliseconds."""

    def in_ms(values: list[float], share: float) -> float | None:
        value = percentile(values, share)
        return None if value is None else round(value * 1000, 3)

    windows = range(int(plan.duration_s / plan.window_s))
    return {
        "offered_rate": sum(count for name, count in tally.outcomes.items() if name != "refused_connections")
        / plan.duration_s,
        "goodput": tally.outcomes["good"] / plan.duration_s,
        "goodput_by_window": [tally.good_by_window[number] / plan.window_s for number in windows],
        "p50_ms": in_ms(tally.latencies_s, 0.5),
        "p99_ms": in_ms(tally.latencies_s, 0.99),
        "max_ms": in_ms(tally.latencies_s, 1.0),
        "lag_p50_ms": in_ms(tally.lags_s, 0.5),
        "lag_p99_ms": in_ms(tally.lags_s, 0.99),
        "outcomes": {name: count for name, count in tally.outcomes.items() if count},
    }


async def _run(plan: Plan) -> Tally:
    """Run a plan; a fault of the generator itself ends it at once instead of looking like one of the server."""
    faults: asyncio.Future[Tally] = asyncio.get_running_loop().create_future()

    def fail(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if not faults.done():
            faults.set_exception(context.get("exception") or RuntimeError(context["message"]))

    asyncio.get_running_loop().set_exception_handler(fail)
    running = asyncio.ensure_future(Generator(plan).run())
    done, _ = await asyncio.wait({running, faults}, return_when=asyncio.FIRST_COMPLETED)
    return done.pop().result()


def main(argv: list[str]) -> None:
    """Run one plan."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.open_loop", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--path", default="/predict")
    parser.add_argument("--rate", type=float, required=True, help="requests per second")
    parser.add_argument("--duration-s", type=float, default=60.0)
    parser.add_argument("--deadline-s", type=float, default=0.3)
    parser.add_argument("--connections", type=int, default=1500)
    parser.add_argument("--window-s", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=1)
    plan = Plan(**vars(parser.parse_args(argv)))
    print(json.dumps(report(plan, uvloop.run(_run(plan)))))


if __name__ == "__main__":
    main(sys.argv[1:])
