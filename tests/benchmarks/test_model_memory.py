"""The memory of a server with a large model, with a small one for once."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.processes import proportional_bytes, resident_bytes

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")


def test_proportional_size_is_a_part_of_the_resident_one_and_of_nobody_none() -> None:
    assert 0 < proportional_bytes([os.getpid()]) <= resident_bytes([os.getpid()])
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    assert proportional_bytes([done.pid]) == 0


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_table_has_a_line_for_each_way_to_serve() -> None:
    command = ("-m", "benchmarks.model_memory", "--megabytes", "2", "--workers", "2")
    # In a process of its own, as it adopts orphans.
    done = subprocess.run([sys.executable, *command], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    lines = re.findall(r"^\| (\w+) \| (\d[^|]*) \| (\d+) \| (\d+) \|$", done.stdout, re.MULTILINE)
    assert [line[:2] for line in lines] == [
        (model, how) for model in ("neighbours", "forest") for how in ("1", "2", "2 --preload")
    ]
    assert all(int(rss) >= int(pss) > 0 for *_, rss, pss in lines)
