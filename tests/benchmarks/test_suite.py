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
@pytest.mark.slow
def test_quick_run_of_ours_alone_gives_numbers_and_a_table(tmp_path: Path) -> None:
    arguments = ("--quick", "--only", "svc-64", "--peers", "", "--output-dir", str(tmp_path))
    done = run_suite(*arguments, "--cache-dir", str(tmp_path / "cache"))
    assert done.returncode == 0, done.stderr
    document = json.loads((tmp_path / "results.json").read_text())
    assert document["failures"] == []
    measured = [(item["scenario"], item["server"], item["errors"]) for item in document["measurements"]]
    assert measured == [("svc-64", "ours", {}), ("svc-64", "ours-logs-off", {})]
    assert all(item["requests"] > 0 for item in document["measurements"])
    assert "not measured" in done.stdout
    assert (tmp_path / "throughput.png").is_file()
    page = (tmp_path / "index.md").read_text(encoding="utf-8")
    assert "## Answers per second" in page
    again = run_suite(*arguments, "--cache-dir", str(tmp_path / "cache"), "--resume")
    assert again.returncode == 0, again.stderr
    assert json.loads((tmp_path / "results.json").read_text())["measurements"] == document["measurements"]


def test_unknown_scenario_is_refused_with_the_known_ones() -> None:
    done = run_suite("--only", "svc-65")
    assert done.returncode == 2
    assert "unknown: svc-65; known are svc-64" in done.stderr
