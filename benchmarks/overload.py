"""Open-loop overload: twice as many requests as our server can answer, and what share it answers in time."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.contestant import OURS, our_launch
from benchmarks.live_server import ServerError, live_server
from benchmarks.probe import FLOWERS
from benchmarks.setting import say
from benchmarks.wrk import run_wrk

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.live_server import LiveServer
    from benchmarks.setting import Setting

ROOT = Path(__file__).resolve().parents[1]
FACTOR = 2.0
DEADLINE_MS = 300
CAPACITY_CONNECTIONS = 64
"""Enough for full batches, too few to miss the deadline."""
WINDOW_S = 5
END_LIMIT_S = 60.0


@dataclass(frozen=True)
class Overload:
    """One service under overload.

    Attributes:
        bundle: Which of our services.
        title: What tables call it.
        arguments: More arguments of `bentoml serve`.
        rate_limit: Most requests per second that the generator can send on time beside the server, None where that is
            more than needed.
        share_s: Share of the overload's time that it is given.
    """

    bundle: str
    title: str
    arguments: tuple[str, ...] = ()
    rate_limit: float | None = None
    share_s: float = 1.0


_LATENCY = ("--mb-max-latency", str(DEADLINE_MS))
SCENARIOS: Mapping[str, Overload] = {
    "overload-device": Overload("slow", "a model that waits 10 ms a call and 1 ms a row, batches up to 32"),
    "overload-forest": Overload("forest", "the forest, batches up to 16", ("--mb-max-batch-size", "16", *_LATENCY)),
    "overload-svc": Overload("svc", "the SVC, as far as the generator reaches", _LATENCY, 10_000.0, 0.25),
}


def measure_overload(name: str, setting: Setting) -> None:
    """Measure capacity with wrk, overload the same server, measure capacity again.

    Raises:
        ServerError, WrkError: it could not be measured.
    """
    if setting.results.has(name, OURS, 0):
        return
    overload = SCENARIOS[name]
    launch = our_launch(setting.bundles[overload.bundle], setting.home, *overload.arguments)
    with live_server(launch, setting.logs / f"{name}.log") as server:
        capacity = _capacity(server, setting)
        offered = FACTOR * capacity if overload.rate_limit is None else min(FACTOR * capacity, overload.rate_limit)
        duration_s = max(overload.share_s * setting.pace.overload_s, 1.0)
        values = run_open_loop(server.port, rate=offered, duration_s=duration_s)
        server.wait_until_idle()
        # What else the machine does changes; the bound is taken where the server looked better.
        capacity = max(capacity, _capacity(server, setting))
        server.check_answers()
    reachable = min(capacity, values["offered_rate"])
    values |= {
        "capacity": capacity,
        "load": values["offered_rate"] / capacity,
        "share": values["goodput"] / reachable,
        "worst_share": min(values["goodput_by_window"], default=0.0) / reachable,
        "deadline_ms": DEADLINE_MS,
        "duration_s": duration_s,
    }
    setting.results.add(name, OURS, 0, **values)
    say(
        f"{name}: capacity {capacity:,.0f}/s, offered {values['offered_rate']:,.0f}/s, "
        f"in time {values['goodput']:,.0f}/s ({values['share']:.0%}), p99 {values['p99_ms']} ms, {values['outcomes']}"
    )


def _capacity(server: LiveServer, setting: Setting) -> float:
    """Answers per second under closed-loop load; the first run lets the server learn what its model costs."""
    body = server.launch.ask.encode(FLOWERS[0][0])
    for duration_s in (setting.pace.warm_up_s, 2 * setting.pace.duration_s):
        load = run_wrk(server.url, body, connections=CAPACITY_CONNECTIONS, duration_s=duration_s)
    if load.errors:
        raise ServerError(f"capacity cannot be told, not every request was answered with 200: {load.errors}")
    server.wait_until_idle()
    return load.rate


def run_open_loop(port: int, *, rate: float, duration_s: float) -> dict[str, Any]:
    """Run the generator in a process of its own.

    Args:
        port: of the server.
        rate: requests per second.
        duration_s: seconds in which they are due.

    Raises:
        ServerError: it failed.
    """
    argv = [sys.executable, "-m", "benchmarks.open_loop", "--port", str(port), "--rate", str(rate)]
    argv += ["--duration-s", str(duration_s), "--deadline-s", str(DEADLINE_MS / 1000)]
    argv += ["--window-s", str(min(WINDOW_S, duration_s))]
    limit_s = duration_s + END_LIMIT_S
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=limit_s, check=False)
    if done.returncode != 0:
        raise ServerError(f"the load generator failed: {done.stderr.strip()[-1000:]}")
    values: dict[str, Any] = json.loads(done.stdout)
    return values
