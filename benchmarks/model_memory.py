"""What a large model costs in memory with one worker and with several.

    python -m benchmarks.model_memory [--megabytes 1000] [--workers 4]

Two models of that size are served by `bentoml serve-gunicorn`: an array, of which a search for nearest neighbours looks
at every row, and a forest of 100 trees. After enough requests that every worker has computed, two sums over all
processes are printed: of the resident set sizes, in which a page counts for each process that sees it, and of the
proportional ones (PSS), in which it counts once: that is what the machine spends. Needs Linux.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.contestant import SERVICES
from benchmarks.live_server import Launch, live_server
from benchmarks.probe import Ask
from benchmarks.processes import adopt_orphans, own_variables

if TYPE_CHECKING:
    from collections.abc import Sequence

MODELS = ("neighbours", "forest")
ROUNDS = 10
"""Of requests at once, as many as three per worker."""


def saved(model: str, megabytes: int, home: Path) -> Path:
    """Save the service with one of the models; returns the bundle.

    Raises:
        subprocess.CalledProcessError: it could not be saved.
    """
    done = subprocess.run(
        [sys.executable, "pack_large.py", model, str(megabytes)],
        cwd=SERVICES,
        env={**own_variables(), "BENTOML_HOME": str(home)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return Path(done.stdout.splitlines()[-1])


def measure(bundle: Path, home: Path, workers: int, *arguments: str) -> tuple[int, int]:
    """Serve a bundle and ask.

    Returns:
        Sums of the resident and of the proportional set sizes, bytes.

    Raises:
        ServerError: it did not start, or gave a wrong answer.
    """
    command = ("serve-gunicorn", str(bundle), "--port", "{port}", "--workers", str(workers), *arguments)
    launch = Launch(
        "ours", (sys.executable, "-m", "bentoml", *command), home, Ask("/predict"), {"BENTOML_HOME": str(home)}
    )
    with live_server(launch, home / "server.log") as server:
        for _ in range(ROUNDS):
            server.check_answers(3 * workers)
        return server.resident_bytes(), server.proportional_bytes()


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--megabytes", type=int, default=1000, help="size of each model")
    parser.add_argument("--workers", type=int, default=4, help="compared with one")
    options = parser.parse_args(arguments)
    adopt_orphans()
    print("| Model | Workers | Sum of RSS, MB | Sum of PSS, MB |\n|---|---|---|---|")
    for model in MODELS:
        with tempfile.TemporaryDirectory() as scratch:
            home = Path(scratch)
            bundle = saved(model, options.megabytes, home)
            for workers, flags in ((1, ()), (options.workers, ()), (options.workers, ("--preload",))):
                rss, pss = measure(bundle, home, workers, *flags)
                print(
                    f"| {model} | {' '.join((str(workers), *flags))} | {rss / 1e6:.0f} | {pss / 1e6:.0f} |", flush=True
                )


if __name__ == "__main__":
    main()
