"""The whole suite once, with our server alone, as short as it can be."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run_suite(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


@pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed; run: apt-get install wrk")
def test_quick_run_of_ours_alone_gives_numbers_and_a_table(tmp_path: Path) -> None:
    done = run_suite("--quick", "--only", "svc-64", "--peers", "", "--output-dir", str(tmp_path))
    assert done.returncode == 0, done.stderr
    document = json.loads((tmp_path / "results.json").read_text())
    assert document["failures"] == []
    (measured,) = document["measurements"]
    assert (measured["scenario"], measured["server"], measured["errors"]) == ("svc-64", "ours", {})
    assert measured["requests"] > 0
    assert "| bentoml " in done.stdout


def test_unknown_scenario_is_refused_with_the_known_ones() -> None:
    done = run_suite("--only", "svc-65")
    assert done.returncode == 2
    assert "unknown: svc-65; known are svc-64" in done.stderr
