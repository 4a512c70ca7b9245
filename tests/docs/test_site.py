"""The documentation site builds, and a warning of the builder is an error."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"


def test_site_builds_without_a_warning(tmp_path: Path) -> None:
    out = tmp_path / "html"
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-d", tmp_path / "trees", ROOT / "docs", out],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (out / "quickstart.html").is_file()
    examples = (out / "examples.html").read_text(encoding="utf-8")
    assert all(f">examples/{path.parent.name}/{path.name}<" in examples for path in EXAMPLES.glob("*/*.py"))
