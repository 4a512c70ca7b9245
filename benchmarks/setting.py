"""What every scenario is given: where things are, how long it may take, and where its numbers go."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from benchmarks.results import Results


@dataclass(frozen=True)
class Pace:
    """How long and how often is measured.

    Attributes:
        rounds: Times that each server is measured.
        duration_s: Seconds of one measurement with wrk, whole ones.
        warm_up_s: Seconds of load before it, whole ones.
        overload_s: Seconds of overload.
        memory_requests: Requests between the first and the last look at the memory.
        repeats: Starts of each command whose time is taken.
    """

    rounds: int = 3
    duration_s: int = 3
    warm_up_s: int = 1
    overload_s: int = 60
    memory_requests: int = 1_000_000
    repeats: int = 20


QUICK = Pace(rounds=1, duration_s=1, warm_up_s=1, overload_s=3, memory_requests=20_000, repeats=3)
"""Just enough to see that everything works."""


@dataclass(frozen=True)
class Setting:
    """One run.

    Attributes:
        home: The `$BENTOML_HOME` of our server.
        bundles: Our saved services by the names of `services/pack.py`.
        logs: Directory for what servers print.
    """

    home: Path
    bundles: Mapping[str, Path]
    logs: Path
    results: Results
    pace: Pace


def say(text: str, *, error: bool = False) -> None:
    """Progress for the one who waits."""
    print(text, file=sys.stderr if error else sys.stdout, flush=True)
