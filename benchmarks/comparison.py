"""The tables of the closed-loop comparisons: rates and latencies of every server, and ours as a multiple of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.contestant import OURS
from benchmarks.plain_table import markdown_table, number, times
from benchmarks.throughput import SCENARIOS

if TYPE_CHECKING:
    from benchmarks.results import Results


def servers_of(results: Results, scenario: str) -> list[str]:
    """The servers that were measured in a scenario, or failed there, in the order of their first appearance."""
    found = [item["server"] for item in results.measurements + results.failures if item["scenario"] == scenario]
    return list(dict.fromkeys(found))


def measured_scenarios(results: Results) -> list[str]:
    """The closed-loop scenarios that anything is known about."""
    return [name for name in SCENARIOS if servers_of(results, name)]


def comparison_table(results: Results, scenario: str) -> str:
    """One line per server: answers per second, latencies, ours as a multiple of its rate, the rounds that count."""
    titles = results.about.get("titles", {})
    rows = [
        [
            titles.get(server, server),
            number(results.median(scenario, server, "rate")),
            number(results.median(scenario, server, "p50_ms")),
            number(results.median(scenario, server, "p99_ms")),
            times(results.ratio(scenario, "rate", OURS, server)),
            rounds_of(results, scenario, server),
        ]
        for server in servers_of(results, scenario)
    ]
    return markdown_table(["server", "answers/s", "p50 ms", "p99 ms", "ours is", "rounds"], rows)


def rounds_of(results: Results, scenario: str, server: str) -> str:
    """How many rounds count, and what went wrong in them or kept others from counting."""
    counted = results.of(scenario, server)
    failed = [item for item in results.failures if (item["scenario"], item["server"]) == (scenario, server)]
    lost = sum(sum(item["errors"].values()) for item in counted)
    notes = [str(len(counted))]
    if failed:
        notes.append(f"{len(failed)} failed")
    if lost:
        notes.append(f"{lost} requests lost")
    return ", ".join(notes)
