"""What Ray costs: one model by `bentoml serve`, by a replica of Ray Serve before that, and by `@serve.batch` alone.

    .venv-environments/ray/bin/python -m benchmarks.ray_serve [--connections 64] [--duration 10] [--rounds 3]

It needs `bentoml[ray,sklearn,dataframe]` in the environment that runs it, and wrk. Servers run one at a time, in
interleaved rounds, all on the same machine as wrk; what counts is the ratio of the numbers.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.contestant import OURS, SERVICES, our_launch, save_bundles
from benchmarks.environment import PEER_FILES
from benchmarks.live_server import Launch, live_server
from benchmarks.plain_table import markdown_table, number
from benchmarks.probe import FLOWERS, Ask
from benchmarks.wrk import run_wrk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.wrk import Load

ON_RAY, BY_HAND = "the bundle on Ray Serve", "@serve.batch, written by hand"
WARM_UP_S = 3


def launches(home: Path, model: str) -> list[Launch]:
    """The three servers, with one model: `svc` or `forest`."""
    bundle = save_bundles(home, (model,))[model]
    models = home / "models"
    subprocess.run([sys.executable, str(PEER_FILES / "train.py"), str(models)], check=True)
    ours = our_launch(bundle, home)
    on_ray = (sys.executable, str(SERVICES / "ray_bundle.py"), str(bundle), "{port}")
    by_hand = (sys.executable, str(PEER_FILES / "ray" / "app.py"), "{port}")
    quiet = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled"}
    return [
        ours,
        Launch(ON_RAY, on_ray, home, ours.ask, {**quiet, "BENTOML_HOME": str(home)}),
        Launch(BY_HAND, by_hand, home, Ask("/predict"), {**quiet, "MODEL_PATH": str(models / f"{model}.joblib")}),
    ]


def measure(launch: Launch, directory: Path, connections: int, duration_s: int) -> Load:
    """Start a server, warm it up, and drive it; its answers are checked before and after."""
    with live_server(launch, directory / "server.log") as server:
        body = launch.ask.encode(FLOWERS[0][0])
        run_wrk(server.url, body, connections=connections, duration_s=WARM_UP_S)
        server.check_answers()
        load = run_wrk(server.url, body, connections=connections, duration_s=duration_s)
        server.check_answers()
    return load


def table(loads: dict[str, list[Load]]) -> str:
    """One line for each server, with the medians of the rounds and what it does beside `bentoml serve`."""

    def median(name: str, what: str) -> float:
        return statistics.median(getattr(load, what) for load in loads[name])

    rows = [
        [
            "bentoml serve" if name == OURS else name,
            number(median(name, "rate")),
            number(median(name, "p50_ms")),
            number(median(name, "p99_ms")),
            f"{median(name, 'rate') / median(OURS, 'rate'):.1%}",
            str(sum(sum(load.errors.values()) for load in rounds)),
        ]
        for name, rounds in loads.items()
    ]
    return markdown_table(["server", "answers/s", "p50 ms", "p99 ms", "of bentoml serve", "errors"], rows)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--duration", type=int, default=10, metavar="SECONDS")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--models", nargs="+", choices=("svc", "forest"), default=("svc", "forest"))
    asked = parser.parse_args(argv)
    for model in asked.models:
        with tempfile.TemporaryDirectory(prefix="bench-") as directory:
            loads: dict[str, list[Load]] = {}
            servers = launches(Path(directory), model)
            for _ in range(asked.rounds):
                for launch in servers:
                    load = measure(launch, Path(directory), asked.connections, asked.duration)
                    loads.setdefault(launch.name, []).append(load)
                    print(f"{model}: {launch.name}: {load.rate:,.0f}/s", file=sys.stderr, flush=True)
        print(f"{model}, {asked.connections} connections, {asked.rounds} rounds of {asked.duration} s\n")
        print(table(loads), end="\n\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
