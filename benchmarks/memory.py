"""Resident memory of our server, all its processes, over a million requests."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from benchmarks.contestant import OURS, our_launch
from benchmarks.live_server import ServerError, live_server
from benchmarks.probe import FLOWERS
from benchmarks.setting import say
from benchmarks.wrk import run_wrk

if TYPE_CHECKING:
    from benchmarks.setting import Setting

NAME = "memory"
CONNECTIONS = 64
WARM_UP_SHARE = 0.1
"""Requests before the first look, as a share of those that follow."""
STEP_S = 5
LIMIT_S = 300.0
"""A slow or busy machine gives up before the million; the table says how many it were."""


def measure_memory(name: str, setting: Setting) -> None:
    """Look at the memory after a warm-up and every few seconds until all requests are answered.

    Raises:
        ServerError, WrkError: it could not be measured.
    """
    if setting.results.has(name, OURS, 0):
        return
    wanted = setting.pace.memory_requests
    step_s = min(STEP_S, setting.pace.overload_s)
    deadline = time.monotonic() + LIMIT_S
    with live_server(our_launch(setting.bundles["svc"], setting.home), setting.logs / f"{name}.log") as server:
        body = server.launch.ask.encode(FLOWERS[0][0])
        answered, warmed_up, samples = 0, 0, []
        while answered - warmed_up < wanted and time.monotonic() < deadline:
            load = run_wrk(server.url, body, connections=CONNECTIONS, duration_s=step_s)
            if load.errors:
                raise ServerError(f"not every request was answered with 200: {load.errors}")
            answered += load.requests
            if answered >= WARM_UP_SHARE * wanted:
                warmed_up = warmed_up or answered
                samples.append({"requests": answered - warmed_up, "resident_bytes": server.resident_bytes()})
        server.check_answers()
    if len(samples) < 2:
        raise ServerError(f"only {answered} requests were answered within {LIMIT_S:.0f} s")
    first, last = samples[0]["resident_bytes"], samples[-1]["resident_bytes"]
    growth = last / first - 1
    setting.results.add(name, OURS, 0, samples=samples, requests=samples[-1]["requests"], growth=growth)
    say(f"{name}: {first / 1e6:.1f} MB, {growth:+.2%} after {samples[-1]['requests']:,} more requests")
