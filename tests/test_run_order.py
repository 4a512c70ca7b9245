from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import run_order

ROOT = Path(__file__).resolve().parents[1]


def test_names_of_files_that_take_long_stand_for_files() -> None:
    files = [str(file.relative_to(ROOT)) for file in (ROOT / "tests").rglob("test_*.py")]
    assert run_order.missing(files) == []
    assert run_order.missing([]) == [*run_order.LONGEST_FIRST, *sorted(run_order.APART)]


@pytest.mark.parametrize(
    ("nodeid", "unit"),
    [
        ("tests/docs/test_pages.py::test_page[a.md::b]", "tests/docs/test_pages.py::test_page[a.md::b]"),
        ("tests/docs/test_site.py::test_site", "tests/docs/test_site.py"),
        ("tests/server/test_serve.py::Class::test_one[x]", "tests/server/test_serve.py"),
    ],
)
def test_unit_is_the_file_except_where_tests_share_nothing(nodeid: str, unit: str) -> None:
    assert run_order.unit_of(nodeid) == unit


CONFTEST = """
import json, os, pathlib, pytest
from tests.run_order import pytest_xdist_auto_num_workers, pytest_xdist_make_scheduler, sort

def pytest_collection_modifyitems(items):
    sort(items)

def pytest_runtest_call(item):
    worker = os.environ["PYTEST_XDIST_WORKER"]
    with open(pathlib.Path(__file__).with_name(f"ran-{worker}"), "a") as file:
        file.write(json.dumps(item.nodeid) + chr(10))
"""
NINE_TESTS = "import pytest\n@pytest.mark.parametrize('n', range(9))\ndef test_it(n): pass\n"


def test_parallel_run_keeps_files_together_in_order_and_starts_with_the_longest(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --import-mode=importlib\nmarkers = slow\n")
    for room in ("adapters", "cli", "service", "yatai"):
        (tmp_path / "tests" / room).mkdir(parents=True)
        for name in ("one", "two"):
            (tmp_path / "tests" / room / f"test_{name}.py").write_text(NINE_TESTS)
    slow = NINE_TESTS + "@pytest.mark.slow\ndef test_slow(): pass\n"
    (tmp_path / "tests" / "yatai" / "test_two.py").write_text(slow)

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "xdist", "-p", "no:cacheprovider", "-n", "2", "tests"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr

    ran = [[json.loads(line) for line in file.read_text().splitlines()] for file in sorted(tmp_path.glob("ran-*"))]
    assert sum(len(nodeids) for nodeids in ran) == 73
    files = [
        [file for file, _ in itertools.groupby(run_order.file_of(nodeid) for nodeid in nodeids)] for nodeids in ran
    ]
    assert len(files) == 2
    # Each file ran once, in one piece.
    assert len(files[0] + files[1]) == len(set(files[0] + files[1])) == 8
    assert {files[0][0], files[1][0]} == {"tests/yatai/test_two.py", "tests/cli/test_one.py"}
    for nodeids in ran:
        numbers = [nodeid.partition("::")[2] for nodeid in nodeids if not nodeid.endswith("slow")]
        assert numbers == [f"test_it[{number}]" for number in range(9)] * (len(numbers) // 9)
