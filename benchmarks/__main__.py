"""`python -m benchmarks`: our server and others under the same load, and a page of the results."""

from __future__ import annotations

import argparse
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import large_bodies, memory, overload, start_time, throughput
from benchmarks.chart import draw_chart
from benchmarks.contestant import ours, save_bundles, set_up_peers
from benchmarks.environment import SetupError
from benchmarks.live_server import ServerError
from benchmarks.machine import describe_machine
from benchmarks.peer_table import PEERS
from benchmarks.processes import adopt_orphans
from benchmarks.report import CHART, write_page
from benchmarks.results import Results, load_results, without_places
from benchmarks.setting import QUICK, Pace, Setting, say
from benchmarks.targets import targets_table
from benchmarks.wrk import WrkError, need_wrk

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.contestant import Contestant

HERE = Path(__file__).resolve().parent
PUBLISHED = HERE.parent / "docs" / "benchmarks"
UNPUBLISHED = HERE / ".results"
BUNDLES = ("svc", "forest", "slow", "length")
OWN_SCENARIOS: dict[str, Callable[[str, Setting], None]] = {
    **dict.fromkeys(overload.SCENARIOS, overload.measure_overload),
    large_bodies.NAME: large_bodies.measure_large_bodies,
    memory.NAME: memory.measure_memory,
    start_time.FIRST_ANSWER: start_time.measure_first_answer,
    start_time.COMMANDS: start_time.measure_commands,
}
"""What is measured of our server, beside the comparisons of `throughput.SCENARIOS`."""


def _names(allowed: list[str]) -> Callable[[str], list[str]]:
    """A converter of comma-separated names."""

    def convert(text: str) -> list[str]:
        names = [name for name in text.split(",") if name]
        unknown = [name for name in names if name not in allowed]
        if unknown:
            raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}; known are {', '.join(allowed)}")
        return names

    return convert


def parse_arguments(argv: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    scenarios, peers = [*throughput.SCENARIOS, *OWN_SCENARIOS], [peer.name for peer in PEERS]
    normal = Pace()
    parser.add_argument("--only", type=_names(scenarios), metavar="NAMES", help=f"of {', '.join(scenarios)}")
    parser.add_argument("--peers", type=_names(peers), metavar="NAMES", help=f"of {', '.join(peers)}; '' for none")
    parser.add_argument("--rounds", type=int, help=f"times that every server is measured  [{normal.rounds}]")
    parser.add_argument("--duration", type=int, metavar="S", help=f"seconds of a measurement  [{normal.duration_s}]")
    parser.add_argument("--quick", action="store_true", help="as short as can be, to see that everything works")
    parser.add_argument(
        "--resume", action="store_true", help="keep what an interrupted run left in the output directory"
    )
    parser.add_argument("--cache-dir", type=Path, default=HERE / ".cache", metavar="DIR", help="environments and logs")
    parser.add_argument(
        "--output-dir",
        type=Path,
        metavar="DIR",
        help="for the results  [docs/benchmarks for a whole run, benchmarks/.results for part of one]",
    )
    parser.add_argument("--setup-only", action="store_true", help="make the environments of the peers, measure nothing")
    return parser.parse_args(argv)


def main(argv: list[str]) -> int:
    """Run it; returns the exit code."""
    options = parse_arguments(argv)
    peers = [peer for peer in PEERS if options.peers is None or peer.name in options.peers]
    try:
        need_wrk()
        contestants, unavailable = set_up_peers(peers, options.cache_dir)
        if options.setup_only:
            return 1 if unavailable else 0
        adopt_orphans()
        with tempfile.TemporaryDirectory(prefix="bentoml-benchmarks-") as home:
            setting, everybody = _prepare(options, argv, contestants, unavailable, Path(home))
            _measure(options.only, everybody, setting)
    except (SetupError, WrkError) as error:
        say(f"error: {error}", error=True)
        return 1
    say(f"\n{targets_table(setting.results)}\n{setting.results.path.parent}")
    return 0


def _prepare(
    options: argparse.Namespace,
    argv: list[str],
    contestants: list[Contestant],
    unavailable: dict[str, str],
    home: Path,
) -> tuple[Setting, list[Contestant]]:
    """Save our services and begin the results, or go on with those that are there."""
    from bentoml import __version__

    pace = QUICK if options.quick else Pace()
    pace = Pace(
        **{
            **vars(pace),
            "rounds": pace.rounds if options.rounds is None else options.rounds,
            "duration_s": pace.duration_s if options.duration is None else options.duration,
        }
    )
    whole = options.only is None and options.peers is None and not options.quick
    output = options.output_dir or (PUBLISHED if whole else UNPUBLISHED)
    bundles = save_bundles(home, BUNDLES)
    everybody = [*ours(bundles, home, __version__), *contestants]
    path = output / "results.json"
    results = load_results(path) if options.resume else Results(path, about=describe_machine())
    results.unavailable = {name: without_places(reason) for name, reason in unavailable.items()}
    results.failures = []
    results.about["titles"] = results.about.get("titles", {}) | {item.name: item.title for item in everybody}
    results.about["peers"] = {**_how_peers_run(contestants), **results.about.get("peers", {})}
    results.about["command"] = results.about.get("command") or shlex.join(["python", "-m", "benchmarks", *argv])
    return Setting(home, bundles, options.cache_dir.resolve() / "logs", results, pace), everybody


def _how_peers_run(contestants: list[Contestant]) -> dict[str, dict[str, str]]:
    """What stands in the table of peers, as it is now, so that a page of old numbers tells how they were made."""
    names = {contestant.name for contestant in contestants}
    return {
        peer.name: {"command": " ".join(peer.command).replace("{bin}/", ""), "batching": peer.batching}
        for peer in PEERS
        if peer.name in names and peer.only is None
    }


def _measure(only: list[str] | None, everybody: list[Contestant], setting: Setting) -> None:
    """Run the scenarios one after another; the page is written after each, so that none is lost."""
    wanted = [name for name in throughput.SCENARIOS if only is None or name in only]
    for model in dict.fromkeys(throughput.SCENARIOS[name].model for name in wanted):
        names = [name for name in wanted if throughput.SCENARIOS[name].model == model]
        throughput.compare(everybody, names, setting)
        publish(setting.results)
    for name, measure in OWN_SCENARIOS.items():
        if only is None or name in only:
            _measure_ours(name, measure, setting)
            publish(setting.results)


def _measure_ours(name: str, measure: Callable[[str, Setting], None], setting: Setting) -> None:
    """Run one scenario of our server; what goes wrong in it is kept and shown."""
    try:
        measure(name, setting)
    except (ServerError, WrkError, TimeoutError, OSError, subprocess.SubprocessError) as error:
        setting.results.fail(name, "ours", 0, str(error))
        say(f"{name} failed: {error}", error=True)


def publish(results: Results) -> None:
    """Write the raw numbers, the chart and the page."""
    results.save()
    directory = results.path.parent
    try:
        chart = draw_chart(results, directory / CHART)
    except ImportError:
        chart = False
        say("no chart: matplotlib is not installed; run: pip install '.[bench]'", error=True)
    write_page(results, directory, chart=chart)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
