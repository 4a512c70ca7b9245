"""A test with an environment runs in place, is left to it, or fails the run: never is it forgotten."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.environments.selection import INSIDE_VARIABLE, LEFT_VARIABLE

ROOT = Path(__file__).resolve().parents[2]

FAST = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
CONFTEST = """
import pytest

from tests.environments import table
from tests.environments.selection import select
from tests.skip_guard import pytest_make_collect_report, pytest_runtest_makereport

table.ENVIRONMENTS["here"] = table.Environment((), ("json",))
table.ENVIRONMENTS["away"] = table.Environment((), ("no_such_module",))

@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    select(config, items)
"""
AWAY = "import pytest\n@pytest.mark.environment('away')\ndef test_it(): pass\n"
FAILING_AWAY = AWAY.replace("pass", "assert False")
HERE = AWAY.replace("away", "here")


def run(directory: Path, source: str, **variables: str) -> subprocess.CompletedProcess[str]:
    (directory / "conftest.py").write_text(CONFTEST, encoding="utf-8")
    (directory / "test_it.py").write_text(source, encoding="utf-8")
    (directory / "pytest.ini").write_text("[pytest]\nmarkers = environment: one of its own\n", encoding="utf-8")
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("TEST_ENVIRONMENT")}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", directory],
        cwd=directory,
        env={**inherited, **FAST, "CI": "", "PYTHONPATH": str(ROOT), **variables},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("source", "variables", "code", "words"),
    [
        pytest.param(HERE, {}, 0, "1 passed", id="in place"),
        pytest.param(HERE.replace("pass", "assert False"), {}, 1, "1 failed", id="in place, and fails"),
        pytest.param(FAILING_AWAY, {INSIDE_VARIABLE: "away"}, 1, "1 failed", id="inside its environment"),
        pytest.param(AWAY, {INSIDE_VARIABLE: "other"}, 0, "1 skipped", id="inside another"),
        pytest.param(AWAY, {}, 0, "./scripts/test test_it.py", id="nobody has promised to run it"),
        pytest.param(AWAY, {"CI": "true"}, 1, "nothing is skipped", id="nobody has promised, in CI"),
        pytest.param(AWAY.replace("away", "moon"), {}, 4, "add one to tests/environments/table.py", id="unknown"),
        pytest.param(AWAY.replace("'away'", ""), {}, 4, "mark it with one of the environments", id="unnamed"),
    ],
)
def test_fate_of_a_marked_test_by_table(
    tmp_path: Path, source: str, variables: dict[str, str], code: int, words: str
) -> None:
    done = run(tmp_path, source, **variables)
    assert done.returncode == code, done.stdout
    assert words in done.stdout + done.stderr


@pytest.mark.parametrize("ci", ["", "true"])
def test_test_that_is_left_is_written_down_and_does_not_run_here(tmp_path: Path, ci: str) -> None:
    left = tmp_path / "left.json"
    done = run(tmp_path, f"{FAILING_AWAY}\n\ndef test_other(): pass\n", CI=ci, **{LEFT_VARIABLE: str(left)})
    assert (done.returncode, json.loads(left.read_text())) == (0, {"away": ["test_it.py::test_it"]})
    assert "1 passed, 1 deselected" in done.stdout


def test_nothing_is_written_where_nothing_is_left(tmp_path: Path) -> None:
    left = tmp_path / "left.json"
    assert run(tmp_path, HERE, **{LEFT_VARIABLE: str(left)}).returncode == 0
    assert not left.exists()
