"""Closed-loop comparisons: every server once per round, one at a time, each warmed up and checked before it counts."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.live_server import ServerError, live_server
from benchmarks.probe import FLOWERS
from benchmarks.setting import say
from benchmarks.wrk import WrkError, run_wrk

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.contestant import Contestant
    from benchmarks.live_server import LiveServer
    from benchmarks.setting import Pace, Setting
    from benchmarks.wrk import Load


@dataclass(frozen=True)
class Scenario:
    """A model under a number of connections."""

    model: str
    connections: int


SCENARIOS: Mapping[str, Scenario] = {
    "svc-64": Scenario("svc", 64),
    "svc-512": Scenario("svc", 512),
    "one-connection": Scenario("svc", 1),
    "forest-64": Scenario("forest", 64),
    "forest-512": Scenario("forest", 512),
}


def compare(contestants: Sequence[Contestant], chosen: Sequence[str], setting: Setting) -> None:
    """Measure all servers in the chosen scenarios; a server that fails loses its own numbers only."""
    for model in dict.fromkeys(SCENARIOS[name].model for name in chosen):
        names = [name for name in chosen if SCENARIOS[name].model == model]
        for number in range(setting.pace.rounds):
            for contestant in contestants:
                wanted = [name for name in names if contestant.takes_part(name)]
                todo = [name for name in wanted if not setting.results.has(name, contestant.name, number)]
                if todo:
                    _measure_server(contestant, todo, number, setting)


def _measure_server(contestant: Contestant, names: Sequence[str], number: int, setting: Setting) -> None:
    """Start one server once and measure it in several scenarios of one model."""
    model, results = SCENARIOS[names[0]].model, setting.results
    log = setting.logs / f"{contestant.name}-{model}-{number}.log"
    open_names = list(names)
    try:
        with live_server(contestant.launch(model), log) as server:
            for name in names:
                load = _measure(server, SCENARIOS[name].connections, setting.pace)
                open_names.remove(name)
                results.add(
                    name,
                    contestant.name,
                    number,
                    rate=load.rate,
                    requests=load.requests,
                    p50_ms=load.p50_ms,
                    p90_ms=load.p90_ms,
                    p99_ms=load.p99_ms,
                    max_ms=load.max_ms,
                    errors=load.errors,
                    start_s=server.start_s,
                )
                lost = f"  errors: {load.errors}" if load.errors else ""
                figures = f"{load.rate:10,.0f}/s  p99 {load.p99_ms:8.1f} ms{lost}"
                say(f"{name:15} round {number + 1}  {contestant.name:26} {figures}")
    except (ServerError, WrkError, TimeoutError) as error:
        for name in open_names:
            results.fail(name, contestant.name, number, str(error))
        say(f"{', '.join(open_names)} round {number + 1}  {contestant.name} failed: {error}", error=True)


def _measure(server: LiveServer, connections: int, pace: Pace) -> Load:
    """Warm up with answers checked under load, then measure.

    Raises:
        ServerError: a wrong answer, none before or after the load, or another status than 200 during it.
        WrkError: wrk could not run.
    """
    body = server.launch.ask.encode(FLOWERS[0][0])
    duration_s = pace.duration_s
    if pace.warm_up_s:
        with ThreadPoolExecutor(1) as background:
            warm_up = background.submit(run_wrk, server.url, body, connections=connections, duration_s=pace.warm_up_s)
            server.check_answers(at_once=9, under_load=True)
            duration_s = long_enough_s(pace.duration_s, connections, warm_up.result().rate)
        server.wait_until_idle()
    server.check_answers()
    load = run_wrk(server.url, body, connections=connections, duration_s=duration_s)
    server.wait_until_idle()
    server.check_answers()
    if load.errors.get("status"):
        raise ServerError(f"{server.launch.name} answered {load.errors['status']} times with another status than 200")
    return load


def long_enough_s(duration_s: int, connections: int, rate: float) -> int:
    """Seconds to measure a server of this rate: two answers on each connection, yet at most three times as long."""
    longest_s = 3 * duration_s
    return longest_s if rate <= 0 else min(longest_s, max(duration_s, math.ceil(2 * connections / rate)))
