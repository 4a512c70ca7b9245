from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

CASES = [
    pytest.param("true", "@pytest.mark.skip(reason='no engine')\ndef test_it(): pass", 1, id="skipped"),
    pytest.param("true", "def test_it(): pytest.importorskip('no_such_module')", 1, id="skipped inside"),
    pytest.param("true", "pytest.importorskip('no_such_module')\ndef test_it(): pass", 2, id="skipped at collection"),
    pytest.param("true", "@pytest.mark.may_skip\n@pytest.mark.skip\ndef test_it(): pass", 0, id="marked"),
    pytest.param("true", "@pytest.mark.xfail(strict=True)\ndef test_it(): assert False", 0, id="expected failure"),
    pytest.param("", "@pytest.mark.skip(reason='no engine')\ndef test_it(): pass", 0, id="skipped outside of CI"),
]


@pytest.mark.parametrize(("ci", "source", "expected"), CASES)
def test_run_with_a_skipped_test_by_table(tmp_path: Path, ci: str, source: str, expected: int) -> None:
    (tmp_path / "conftest.py").write_text(
        "from tests.skip_guard import pytest_make_collect_report, pytest_runtest_makereport\n", encoding="utf-8"
    )
    (tmp_path / "test_it.py").write_text(f"import pytest\n{source}\n", encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = may_skip: a skip that is right\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", tmp_path],
        cwd=tmp_path,
        # Other plugins take seconds to import.
        env={**os.environ, "CI": ci, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == expected, done.stdout
    if expected:
        assert "nothing is skipped without the mark" in done.stdout
