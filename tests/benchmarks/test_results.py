from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.comparison import comparison_table, measured_scenarios
from benchmarks.plain_table import markdown_table, number, times
from benchmarks.results import ROOT, Results, load_results


@pytest.fixture
def results(tmp_path: Path) -> Results:
    made = Results(tmp_path / "results.json", about={"titles": {"ours": "Ours 1.0"}})
    for rate in (100.0, 900.0, 200.0):
        made.add("svc-64", "ours", 0, rate=rate, p50_ms=1.0, p99_ms=2.0, errors={})
    made.add("svc-64", "slow", 0, rate=50.0, p50_ms=10.0, p99_ms=20.0, errors={"read": 2})
    made.fail("svc-64", "slow", 1, "it fell over")
    made.fail("svc-64", "absent", 0, "it did not start")
    return made


def test_median_is_over_the_rounds_and_none_without_any(results: Results) -> None:
    assert results.median("svc-64", "ours", "rate") == 200.0
    assert results.median("svc-64", "absent", "rate") is None
    assert results.median("forest-64", "ours", "rate") is None


def test_ratio_with_a_missing_side_or_zero_is_none(results: Results) -> None:
    results.add("svc-64", "zero", 0, rate=0.0)
    assert results.ratio("svc-64", "rate", "ours", "slow") == 4.0
    assert results.ratio("svc-64", "rate", "ours", "absent") is None
    assert results.ratio("svc-64", "rate", "ours", "zero") is None


def test_load_results_after_every_step_gives_what_is_known_so_far(results: Results) -> None:
    again = load_results(results.path)
    assert again == results
    assert again.has("svc-64", "slow", 0)
    assert not again.has("svc-64", "slow", 1)


def test_fail_keeps_no_path_of_this_machine(results: Results) -> None:
    results.fail("svc-64", "slow", 2, f"{ROOT}/benchmarks/.cache/x.log ends")
    assert results.failures[-1]["reason"] == "./benchmarks/.cache/x.log ends"


def test_comparison_table_names_failures_and_lost_requests(results: Results) -> None:
    assert measured_scenarios(results) == ["svc-64"]
    assert comparison_table(results, "svc-64") == (
        "| server   | answers/s | p50 ms | p99 ms | ours is |                       rounds |\n"
        "|----------|----------:|-------:|-------:|--------:|-----------------------------:|\n"
        "| Ours 1.0 |       200 |   1.00 |   2.00 |   1.00x |                            3 |\n"
        "| slow     |      50.0 |   10.0 |   20.0 |   4.00x | 1, 1 failed, 2 requests lost |\n"
        "| absent   |         - |      - |      - |       - |                  0, 1 failed |\n"
    )


def test_markdown_table_without_rows_is_a_header() -> None:
    assert markdown_table(["a", "long title"], []) == "| a   | long title |\n|-----|-----------:|\n"


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "-"), (0.0, "0.00"), (0.123, "0.12"), (12.345, "12.3"), (1234.5, "1,234"), (31000.0, "31,000")],
)
def test_number_shows_about_three_digits(value: float | None, shown: str) -> None:
    assert number(value) == shown


def test_times_of_nothing_is_a_dash() -> None:
    assert (times(None), times(2.5)) == ("-", "2.50x")
