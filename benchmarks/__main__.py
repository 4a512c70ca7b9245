"""`python -m benchmarks`: set up the peers, measure, print the tables."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.comparison import comparison_table, measured_scenarios
from benchmarks.contestant import MODELS, ours, save_bundles, set_up_peers
from benchmarks.environment import SetupError
from benchmarks.peer_table import PEERS
from benchmarks.processes import adopt_orphans
from benchmarks.results import Results
from benchmarks.throughput import SCENARIOS, Pace, compare
from benchmarks.wrk import WrkError, need_wrk

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.contestant import Contestant

HERE = Path(__file__).parent


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
    scenarios, peers = list(SCENARIOS), [peer.name for peer in PEERS]
    parser.add_argument("--only", type=_names(scenarios), default=scenarios, metavar="NAMES", help=", ".join(scenarios))
    parser.add_argument("--peers", type=_names(peers), default=peers, metavar="NAMES", help=", ".join(peers))
    parser.add_argument("--rounds", type=int, default=3, help="times that every server is measured")
    parser.add_argument("--duration", type=int, default=4, metavar="S", help="seconds of one measurement")
    parser.add_argument("--warm-up", type=int, default=2, metavar="S", help="seconds of load before it")
    parser.add_argument("--quick", action="store_true", help="one round of one second, to see that everything works")
    parser.add_argument("--cache-dir", type=Path, default=HERE / ".cache", metavar="DIR", help="environments of peers")
    parser.add_argument("--output-dir", type=Path, default=HERE / ".results", metavar="DIR", help="numbers and logs")
    parser.add_argument("--setup-only", action="store_true", help="make the environments of the peers, measure nothing")
    return parser.parse_args(argv)


def main(argv: list[str]) -> int:
    """Run it; returns the exit code."""
    options = parse_arguments(argv)
    chosen = [peer for peer in PEERS if peer.name in options.peers]
    try:
        need_wrk()
        contestants, unavailable = set_up_peers(chosen, options.cache_dir)
        if options.setup_only:
            return 1 if unavailable else 0
        adopt_orphans()
        with tempfile.TemporaryDirectory(prefix="bentoml-benchmarks-") as home:
            _measure(options, contestants, unavailable, Path(home))
    except (SetupError, WrkError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _measure(
    options: argparse.Namespace, contestants: list[Contestant], unavailable: dict[str, str], home: Path
) -> None:
    from bentoml import __version__

    bundles = save_bundles(home, MODELS)
    everybody = [ours(bundles, home, __version__), *contestants]
    results = Results(options.output_dir / "results.json", unavailable=unavailable)
    results.about["titles"] = {contestant.name: contestant.title for contestant in everybody}
    pace = Pace(1, 1, 1) if options.quick else Pace(options.rounds, options.duration, options.warm_up)
    compare(everybody, options.only, pace, results, options.output_dir / "logs")
    for name in measured_scenarios(results):
        print(f"\n{name}\n\n{comparison_table(results, name)}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
