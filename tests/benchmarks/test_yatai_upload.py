"""An upload whose client and server are killed; `python -m benchmarks.yatai_upload` makes a large one."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SIZE_MIB = 48


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_upload_that_is_interrupted_comes_to_its_end_and_is_right_on_both_sides() -> None:
    command = [sys.executable, "-m", "benchmarks.yatai_upload", "--size-mb", str(SIZE_MIB)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("\n0 problems\n")
    reached = dict(re.findall(r"^\| (\S.*?) +\| +(after \S+ MB|not reached) \|$", done.stdout, re.MULTILINE))
    assert len(reached) == 9
    # The moments of the commit are short; with little to do they may be over before they are seen.
    assert {name for name, when in reached.items() if when == "not reached"} <= {
        "server, while it compares the digest",
        "server, while it puts the files together",
        "server, while it takes the contents in",
        "answer to the commit, lost",
    }
    runs = re.search(r"(\d+) clients, (\d+) servers; sent more than once: (\S+) MB", done.stdout)
    assert runs is not None
    assert int(runs[1]) == 4
    assert 3 <= int(runs[2]) <= 6
    # What is under way when somebody dies comes again, and nothing else.
    assert float(runs[3]) < SIZE_MIB / 2
