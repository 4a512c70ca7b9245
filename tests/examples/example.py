"""Does with one example what its README says: its files alone, in an empty directory, train and save a bundle."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

Question = TypeVar("Question")
Answer = TypeVar("Answer")

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
TRAIN_LIMIT_S = 100


@dataclass(frozen=True)
class Trained:
    """What is left of an example when it has been trained.

    Attributes:
        directory: what the training wrote, without the files of the example.
        bundle: what it saved.
        printed: what it said.
    """

    directory: Path
    bundle: Path
    printed: str


def train(name: str, directory: Path) -> Trained:
    """Copy the modules of an example into an empty directory, run its training there, and take them away again.

    Raises:
        AssertionError: the training failed, or printed something to standard error.
    """
    modules = sorted((EXAMPLES / name).glob("*.py"))
    for module in modules:
        shutil.copy(module, directory)
    (script,) = [module.name for module in modules if '__name__ == "__main__"' in module.read_text(encoding="utf-8")]
    done = subprocess.run(
        [sys.executable, script],
        cwd=directory,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=TRAIN_LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    for module in modules:
        (directory / module.name).unlink()
    return Trained(directory, Path(done.stdout.splitlines()[-1]), done.stdout)


def ask_at_once(ask: Callable[[Question], Answer], questions: Iterable[Question]) -> list[Answer]:
    """Ask as several clients do, so that requests meet in batches; the answers are in the order of the questions."""
    with ThreadPoolExecutor(8) as clients:
        return list(clients.map(ask, questions))
