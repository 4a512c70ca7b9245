"""The demo from training to the stopped server, in the environment of the tests."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.timeout(240)
def test_demo_flow_shows_answers_and_stops_the_server(bentoml_home: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "demo_flow.py")],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for shown in ("$ bentoml serve IrisClassifier:latest", "HTTP 200\n[0, 1, 2]", "/docs", str(bentoml_home)):
        assert shown in done.stdout
    assert "The server stopped cleanly." in done.stdout
    assert done.stderr == ""
