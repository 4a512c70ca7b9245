"""The page of the results: everything that was measured, with how and on what, as Markdown."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from benchmarks import large_bodies, overload, start_time
from benchmarks.comparison import comparison_table, measured_scenarios
from benchmarks.contestant import OURS
from benchmarks.plain_table import markdown_table, number
from benchmarks.targets import targets_table
from benchmarks.throughput import SCENARIOS

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.results import Results

PAGE = "index.md"
CHART = "throughput.png"
MESSAGE_CHARACTERS = 400
BUSY_LOAD = 0.5
"""Processes that wanted to run before the run began; on a machine that does nothing else it is near 0."""
BUSY_NOTE = """\
**The machine was busy with other work during this run.** Servers of one process lose more by that than servers with
many threads; the numbers show that everything works, not how fast it is.
"""
MODEL_TITLES = {"svc": "support vector classifier", "forest": "forest of 100 trees"}
INTRODUCTION = """\
# Benchmarks

The server of this library and other model servers under the same load, on one machine and in one run.
`python -m benchmarks` makes this page, the chart and the [raw numbers](results.json); how it measures is told in
`benchmarks/README.md` of the repository.
"""
DEFAULTS_NOTE = """\
Ours runs with all its defaults; the line "logs off" is the same server without any log. The peers run with theirs:
uvicorn, Flask and MLServer log every request, mosec and gunicorn do not.
"""


def write_page(results: Results, directory: Path, *, chart: bool) -> Path:
    """Write the page.

    Args:
        results: what to show.
        directory: where chart and raw numbers are too.
        chart: whether there is a chart to show.

    Returns:
        The file.
    """
    parts = [INTRODUCTION, _machine(results) if results.about else "", "## Targets\n", targets_table(results)]
    if measured_scenarios(results):
        parts += ["## Answers per second and latency\n", DEFAULTS_NOTE]
        parts += [f"![Answers per second of every server]({CHART})\n"] if chart else []
        parts += [
            f"### {_scenario_title(name)}\n\n{comparison_table(results, name)}" for name in measured_scenarios(results)
        ]
    parts += [part for part in (_overload(results), _bodies(results), _memory(results), _starts(results)) if part]
    parts += [_failures(results), _peers(results)]
    parts = [part for part in parts if part]
    path = directory / PAGE
    path.write_text("\n".join(parts), encoding="utf-8")
    return path


def _scenario_title(name: str) -> str:
    scenario = SCENARIOS[name]
    connections = "1 connection" if scenario.connections == 1 else f"{scenario.connections} connections"
    return f"{MODEL_TITLES[scenario.model].capitalize()}, {connections}"


def _machine(results: Results) -> str:
    about = results.about
    versions = ", ".join(f"{name} {version}" for name, version in about.get("versions", {}).items())
    lines = [
        ("Date", f"{about.get('date', '-')}, revision {about.get('revision', '-')}"),
        (
            "Machine",
            f"{about.get('processor', '-')}, {about.get('cores', '-')} cores, {about.get('memory_gib', '-')} GiB",
        ),
        ("System", f"{about.get('system', '-')}, load average {about.get('load_average', '-')} before the run"),
        ("Python", f"{about.get('python', '-')} with {versions}"),
        ("Load", f"{about.get('wrk', '-')}, one thread, on the same cores as the server"),
        ("Command", f"`{about.get('command', '-')}`"),
    ]
    table = markdown_table(["what", "value"], lines, left=2)
    return table if about.get("load_average", 0.0) < BUSY_LOAD else f"{table}\n{BUSY_NOTE}"


def _overload(results: Results) -> str:
    rows = []
    for name, scenario in overload.SCENARIOS.items():
        for item in results.of(name, OURS):
            refused = sum(count for kind, count in item["outcomes"].items() if kind == "status_429")
            offered = item["offered_rate"] * item["duration_s"]
            rows.append(
                [
                    f"{scenario.title}, {item['duration_s']:.0f} s",
                    number(item["capacity"]),
                    f"{number(item['offered_rate'])} ({item['load']:.1f}x)",
                    f"{number(item['goodput'])} ({item['share']:.0%})",
                    f"{item['worst_share']:.0%}",
                    number(item["p99_ms"]),
                    f"{refused / offered:.0%}" if offered else "-",
                    number(item["lag_p99_ms"]),
                ]
            )
    if not rows:
        return ""
    header = ["service", "capacity/s", "offered/s", "in time/s", "worst 5 s", "p99 ms", "refused", "lag p99 ms"]
    return f"""\
## Overload

Requests leave at their times, whatever the server does (open loop, Poisson arrivals), at twice the capacity that `wrk`
had measured right before; the table shows that capacity or the one measured afterwards, whichever is greater. "In time"
counts right answers within {overload.DEADLINE_MS} ms from when a request was due, with its share of the capacity (of
the offered load, where that is less); "refused" are answers with 429; "lag" tells how late the generator was.

{markdown_table(header, rows)}"""


def _bodies(results: Results) -> str:
    names = {
        OURS: "ours, bytes as they came",
        large_bodies.OURS_JSON: "ours, `JsonInput`",
        large_bodies.ECHO: "uvicorn alone, body read and counted",
    }
    rows = [
        [title, number(results.median(large_bodies.NAME, name, "megabytes_per_s")), number(p99)]
        for name, title in names.items()
        if (p99 := results.median(large_bodies.NAME, name, "p99_ms")) is not None
    ]
    if not rows:
        return ""
    return f"## Bodies of 1 MiB\n\n{markdown_table(['server', 'MB/s', 'p99 ms'], rows)}"


def _memory(results: Results) -> str:
    found = results.of("memory", OURS)
    if not found:
        return ""
    samples = found[0]["samples"]
    step = max(1, len(samples) // 8)
    shown = samples[:-1:step] + samples[-1:]
    rows = [[f"{item['requests']:,}", f"{item['resident_bytes'] / 1e6:.1f}"] for item in shown]
    return f"""\
## Memory

Resident memory of all processes of our server, after a warm-up:
{100 * found[0]["growth"]:+.2f}% over {found[0]["requests"]:,} requests.

{markdown_table(["requests", "resident MB"], rows)}"""


def _starts(results: Results) -> str:
    rows = [
        [f"`{title}`", f"{1000 * value:,.0f}"]
        for title, value in (
            ("python -c pass", results.median(start_time.COMMANDS, start_time.BARE, "wall_s")),
            ('python -c "import bentoml"', results.median(start_time.COMMANDS, start_time.IMPORT, "wall_s")),
            ("bentoml --help", results.median(start_time.COMMANDS, start_time.HELP, "wall_s")),
            ("bentoml serve, to the first answer", results.median(start_time.FIRST_ANSWER, OURS, "start_s")),
        )
        if value is not None
    ]
    titles = results.about.get("titles", {})
    for name in titles:
        values = [
            item["start_s"]
            for item in results.measurements
            if item["server"] == name and "rate" in item and "start_s" in item
        ]
        if values and name != OURS:
            rows.append([f"{titles[name]}, to the first answer", f"{1000 * statistics.median(values):,.0f}"])
    return f"## Starting\n\n{markdown_table(['what', 'ms'], rows)}" if rows else ""


def _failures(results: Results) -> str:
    lines = [f"- {name}: {_literal(reason)}" for name, reason in results.unavailable.items()]
    lines += [
        f"- {item['server']} in {item['scenario']}, round {item['round'] + 1}: {_literal(item['reason'])}"
        for item in results.failures
    ]
    if not results.measurements:
        lines.append("Nothing has been measured yet.")
    text = "\n".join(lines) if lines else "Every server could be installed and started, and answered rightly."
    return f"## What could not be measured\n\n{text}\n"


def _literal(text: str) -> str:
    """What a program said, as it stands: nothing in it is markup."""
    words = " ".join(text.replace("`", "'").split())
    return f"`{words[:MESSAGE_CHARACTERS]}`"


def _peers(results: Results) -> str:
    titles = results.about.get("titles", {})
    rows = [
        [titles[name], f"`{peer['command']}`", peer["batching"] or "none"]
        for name, peer in results.about.get("peers", {}).items()
        if name in titles
    ]
    if not rows:
        return ""
    table = markdown_table(["server", "started with", "batching"], rows, left=3)
    return f"## How the peers run\n\n{table}"
