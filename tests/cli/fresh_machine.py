"""A virtual environment that has nothing in it, as on a machine that knows nothing of this project."""

from __future__ import annotations

import os
import subprocess
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Machine:
    """A machine with one virtual environment.

    Attributes:
        home: directory of the environment.
    """

    home: Path

    @classmethod
    def make(cls, home: Path) -> Machine:
        """A new one, with pip."""
        venv.create(home, with_pip=True)
        return cls(home)

    def run(self, program: str, *words: str | Path) -> str:
        """What a program of the environment prints; it must end well."""
        return run([self.home / "bin" / program, *words], self.home)


def run(argv: Sequence[str | Path], cwd: Path) -> str:
    """Run a command in a shell that knows nothing of this project."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("BENTOML", "PYTHON"))}
    done = subprocess.run(
        [str(word) for word in argv],
        cwd=cwd,
        env={**env, "BENTOML_HOME": str(cwd / "bentoml-home")},
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
