"""Every example is complete: its files alone, in an empty directory, give a bundle that answers."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def run_in(directory: Path, *arguments: str) -> str:
    """Runs the Python of the tests in a directory, returns what it printed."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=directory,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_iris_from_an_empty_directory_is_saved_and_answers(tmp_path: Path, bentoml_home: Path) -> None:
    for name in ("bento_service.py", "bento_packer.py"):
        shutil.copy(EXAMPLES / "iris" / name, tmp_path)

    saved = Path(run_in(tmp_path, "bento_packer.py").splitlines()[-1])
    for name in ("bento_service.py", "bento_packer.py"):
        (tmp_path / name).unlink()

    assert saved.parent == bentoml_home / "repository" / "IrisClassifier"
    rows = json.dumps([[5.1, 3.5, 1.4, 0.2], [6.9, 3.1, 5.4, 2.1]])
    assert run_in(tmp_path, "-m", "bentoml", "run", str(saved), "predict", "-q", "--input", rows) == "[0, 2]\n"


@pytest.mark.parametrize("example", [path.name for path in EXAMPLES.iterdir() if path.is_dir()])
def test_example_has_a_page_and_a_test(example: str) -> None:
    assert (EXAMPLES / example / "README.md").is_file()
    assert f'"{example}"' in Path(__file__).read_text(encoding="utf-8")
