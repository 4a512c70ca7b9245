"""The page and the chart of a run, from made-up numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.chart import bars_of, draw_chart
from benchmarks.report import write_page
from benchmarks.results import Results
from benchmarks.targets import TARGETS, targets_table


@pytest.fixture
def results(tmp_path: Path) -> Results:
    about: dict[str, Any] = {"peers": {"mosec": {"command": "python server.py", "batching": "up to 512"}}}
    about["titles"] = {"mosec": "mosec 0.9"}
    about["titles"] |= {"ours": "bentoml 1.0 (this one)", "ours-logs-off": "bentoml 1.0 (this one), logs off"}
    made = Results(tmp_path / "results.json", about=about, unavailable={"ray": "not installed: no such package"})
    for scenario in ("svc-64", "forest-64"):
        for server, rate in (("ours", 3000.0), ("ours-logs-off", 4400.0), ("mosec", 2000.0)):
            made.add(scenario, server, 0, rate=rate, p50_ms=1.0, p99_ms=2.0, errors={}, start_s=0.5)
    made.fail("svc-64", "mlserver", 0, "it gave no right\nanswer to `{row}` x")
    made.add("commands", "python", 0, wall_s=0.02)
    made.add("commands", "help", 0, wall_s=0.05)
    made.add("commands", "import", 0, wall_s=0.10)
    made.add("first-answer", "ours", 0, start_s=1.25)
    made.add("large-bodies", "ours", 0, megabytes_per_s=600.0, p99_ms=9.0)
    made.add("large-bodies", "uvicorn", 0, megabytes_per_s=800.0, p99_ms=7.0)
    samples = [{"requests": 1000 * number, "resident_bytes": 2_000_000 + 10_000 * number} for number in range(20)]
    made.add("memory", "ours", 0, samples=samples, requests=19_000, growth=0.095)
    overload = {"capacity": 700.0, "offered_rate": 1400.0, "load": 2.0, "goodput": 665.0, "share": 0.95}
    overload |= {"worst_share": 0.9, "p99_ms": 290.0, "lag_p99_ms": 1.0, "duration_s": 60.0}
    made.add("overload-device", "ours", 0, outcomes={"good": 39_900, "status_429": 42_000}, **overload)
    return made


def cells_of(page: str, first: str) -> list[str]:
    """The cells of the one line of a table that begins so."""
    (line,) = [line for line in page.splitlines() if line.startswith(f"| {first} ")]
    return [cell.strip() for cell in line.strip("|").split("|")][1:]


@pytest.mark.parametrize(
    ("target", "cells"),
    [
        pytest.param("SVC, 64 connections: mosec", [">= 1.5x", "1.50x", "yes"], id="met exactly"),
        pytest.param("SVC, 64 connections, logs off: mosec", [">= 2.2x", "2.20x", "yes"], id="logs off"),
        pytest.param("SVC, 64 connections: the same server with logs off", [">= 75%", "68.2%", "no"], id="logs cost"),
        pytest.param("forest, 64 connections: mosec", [">= 1.2x", "1.50x", "yes"], id="forest"),
        pytest.param("SVC, 64 connections: FastAPI", [">= 12x", "-", "not measured"], id="not measured"),
        pytest.param("growth of memory over a million requests", ["<= 5%", "9.50%", "no"], id="missed upper bound"),
        pytest.param("`import bentoml`: over `python -c pass`", ["<= 60 ms", "80.0 ms", "no"], id="difference"),
        pytest.param("overload, device model: in time, of capacity", [">= 90%", "95.0%", "yes"], id="overload"),
        pytest.param("bodies of 1 MiB: bytes per second of a bare uvicorn", [">= 70%", "75.0%", "yes"], id="bodies"),
    ],
)
def test_targets_table_of_a_run_says_what_was_reached(results: Results, target: str, cells: list[str]) -> None:
    assert cells_of(targets_table(results), target) == cells


def test_targets_table_without_numbers_has_every_target_and_no_verdict(tmp_path: Path) -> None:
    table = targets_table(Results(tmp_path / "results.json"))
    assert table.count("not measured") == len(TARGETS)


def test_page_shows_every_part_and_hides_no_failure(results: Results, tmp_path: Path) -> None:
    page = write_page(results, tmp_path, chart=True).read_text(encoding="utf-8")
    assert "- ray: `not installed: no such package`" in page
    assert "- mlserver in svc-64, round 1: `it gave no right answer to '{row}' x`" in page
    assert cells_of(page, "19,000") == ["2.2"]
    assert cells_of(page, "`bentoml serve, to the first answer`") == ["1,250"]
    assert cells_of(page, "a model that waits 10 ms a call and 1 ms a row, batches up to 32, 60 s") == [
        *("700", "1,400 (2.0x)", "665 (95%)", "90%", "290", "50%", "1.00")
    ]
    assert "(throughput.png)" in page
    assert "| mosec 0.9 | `python server.py` | up to 512 |" in page


@pytest.mark.parametrize(("load_average", "is_busy"), [(0.1, False), (7.5, True)])
def test_page_of_a_run_on_a_busy_machine_says_so(
    results: Results, tmp_path: Path, load_average: float, is_busy: bool
) -> None:
    results.about["load_average"] = load_average
    assert ("was busy" in write_page(results, tmp_path, chart=False).read_text(encoding="utf-8")) == is_busy


def test_page_of_an_empty_run_is_whole(tmp_path: Path) -> None:
    page = write_page(Results(tmp_path / "results.json"), tmp_path, chart=False).read_text(encoding="utf-8")
    assert "Nothing has been measured yet." in page
    assert "Every server could be installed" not in page
    assert "throughput.png" not in page


def test_bars_of_a_scenario_are_from_slow_to_fast_and_know_ours(results: Results) -> None:
    assert bars_of(results, "svc-64") == [
        ("mosec 0.9", 2000.0, False),
        ("bentoml 1.0", 3000.0, True),
        ("bentoml 1.0, logs off", 4400.0, True),
    ]


def test_draw_chart_writes_a_png_and_nothing_without_numbers(results: Results, tmp_path: Path) -> None:
    assert not draw_chart(Results(tmp_path / "none.json"), tmp_path / "none.png")
    assert not (tmp_path / "none.png").exists()
    assert draw_chart(results, tmp_path / "chart.png")
    assert (tmp_path / "chart.png").read_bytes().startswith(b"\x89PNG")
