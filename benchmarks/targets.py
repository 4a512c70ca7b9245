"""What the server is to reach, and whether a run reached it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.contestant import OURS, OURS_LOGS_OFF
from benchmarks.large_bodies import ECHO
from benchmarks.plain_table import markdown_table, number
from benchmarks.start_time import BARE, HELP, IMPORT

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.results import Results


@dataclass(frozen=True)
class Target:
    """One line of the table.

    Attributes:
        text: What is compared.
        bound: The number to reach.
        at_least: Whether it is a lower bound, else an upper one.
        unit: Written behind the numbers.
        reached: Finds the number in the results; None when it was not measured.
    """

    text: str
    bound: float
    at_least: bool
    unit: str
    reached: Callable[[Results], float | None]

    def is_met(self, value: float) -> bool:
        """Whether a number reaches the bound."""
        return value >= self.bound if self.at_least else value <= self.bound


def _rate_over(scenario: str, other: str, ours: str = OURS) -> Callable[[Results], float | None]:
    return lambda results: results.ratio(scenario, "rate", ours, other)


def _percent(scenario: str, quantity: str) -> Callable[[Results], float | None]:
    def reached(results: Results) -> float | None:
        value = results.median(scenario, OURS, quantity)
        return None if value is None else 100 * value

    return reached


def _import_ms(results: Results) -> float | None:
    whole, bare = (results.median("commands", command, "wall_s") for command in (IMPORT, BARE))
    return None if whole is None or bare is None else 1000 * (whole - bare)


def _body_percent(results: Results) -> float | None:
    value = results.ratio("large-bodies", "megabytes_per_s", OURS, ECHO)
    return None if value is None else 100 * value


def _logs_percent(results: Results) -> float | None:
    value = results.ratio("svc-64", "rate", OURS, OURS_LOGS_OFF)
    return None if value is None else 100 * value


def _overload_targets(name: str, title: str) -> tuple[Target, ...]:
    return (
        Target(f"{title}: in time, of capacity", 90, True, "%", _percent(name, "share")),
        Target(
            f"{title}: p99 of the answered", 300, False, " ms", lambda results: results.median(name, OURS, "p99_ms")
        ),
        Target(f"{title}: the worst 5 s, of capacity", 80, True, "%", _percent(name, "worst_share")),
    )


TARGETS: tuple[Target, ...] = (
    Target("forest, 512 connections: Flask development server", 100, True, "x", _rate_over("forest-512", "flask")),
    Target("SVC, 64 connections: FastAPI", 12, True, "x", _rate_over("svc-64", "fastapi")),
    Target("SVC, 64 connections: BentoML 1.4", 15, True, "x", _rate_over("svc-64", "bentoml14")),
    Target("SVC, 64 connections: mosec", 1.5, True, "x", _rate_over("svc-64", "mosec")),
    Target("SVC, 64 connections, logs off: mosec", 2.2, True, "x", _rate_over("svc-64", "mosec", OURS_LOGS_OFF)),
    Target("SVC, 64 connections: the same server with logs off", 75, True, "%", _logs_percent),
    Target("forest, 64 connections: mosec", 1.2, True, "x", _rate_over("forest-64", "mosec")),
    Target(
        "one connection: p50 of FastAPI, both building the DataFrame",
        1.0,
        False,
        "x",
        lambda results: results.ratio("one-connection", "p50_ms", OURS, "fastapi-dataframe"),
    ),
    *_overload_targets("overload-device", "overload, device model"),
    *_overload_targets("overload-forest", "overload, forest"),
    Target("bodies of 1 MiB: bytes per second of a bare uvicorn", 70, True, "%", _body_percent),
    Target("growth of memory over a million requests", 5, False, "%", _percent("memory", "growth")),
    Target(
        "`bentoml --help`: wall time of `python -c pass`",
        4,
        False,
        "x",
        lambda results: results.ratio("commands", "wall_s", HELP, BARE),
    ),
    Target("`import bentoml`: over `python -c pass`", 60, False, " ms", _import_ms),
)


def targets_table(results: Results) -> str:
    """Every target with what was reached."""
    rows = []
    for target in TARGETS:
        value = target.reached(results)
        sign = ">=" if target.at_least else "<="
        verdict = "not measured" if value is None else "yes" if target.is_met(value) else "no"
        shown = "-" if value is None else number(value) + target.unit
        rows.append([target.text, f"{sign} {target.bound:g}{target.unit}", shown, verdict])
    return markdown_table(["target", "bound", "reached", "met"], rows)
