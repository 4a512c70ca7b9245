"""Each adapter under a coverage-guided fuzzer for a few seconds; `FUZZ_SECONDS` makes it longer."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.targets import TARGETS

SECONDS = int(os.environ.get("FUZZ_SECONDS", "8"))
# A request may not take longer, or the process need more memory than this.
LONGEST_S = 5
MOST_MIB = 1500

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="atheris is not made for this machine"),
    pytest.mark.timeout(SECONDS + 120),
]


@pytest.mark.parametrize("name", TARGETS)
def test_fuzzed_adapter_never_fails_hangs_or_swells(name: str, tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "tests.fuzz.guided",
            name,
            str(corpus),
            f"-max_total_time={SECONDS}",
            f"-timeout={LONGEST_S}",
            f"-rss_limit_mb={MOST_MIB}",
            "-max_len=4096",
            "-seed=1",
            f"-artifact_prefix={tmp_path}/",
        ],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-6000:]}"
    runs = [line for line in done.stderr.splitlines() if line.startswith("Done ")]
    assert runs, done.stderr[-2000:]
