"""A home with two saved versions of one service, and the real command run on it."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

HERE = Path(__file__).resolve().parent
BENTOML = str(Path(sys.executable).with_name("bentoml"))
VERSIONS = (("1.0", "test"), ("2.0", "prod"))
"""Version and label `stage` of each saved bundle, in order of saving."""
SAVE = f"""
from scaler_service import Scaler

for version, stage in {VERSIONS!r}:
    service = Scaler()
    service.pack("factor", 3, metadata={{"unit": "none"}})
    service.save(version=version, labels={{"stage": stage}})
"""


@dataclass(frozen=True)
class SavedHome:
    """A `$BENTOML_HOME` that holds `Scaler:1.0` (stage:test) and `Scaler:2.0` (stage:prod)."""

    home: Path

    @property
    def env(self) -> Mapping[str, str]:
        """The variables that make the command line use it."""
        return {"BENTOML_HOME": str(self.home)}

    @property
    def bundle(self) -> Path:
        """The files of `Scaler:2.0`."""
        return self.home / "repository" / "Scaler" / "2.0"


def run_bentoml(*argv: str, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """The real command in a process of its own."""
    return subprocess.run(
        [BENTOML, *argv], env={**os.environ, **env}, capture_output=True, text=True, timeout=100, check=False
    )


def save_home(home: Path) -> SavedHome:
    """Save both versions in a process of its own, as a user does."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("BENTOML")}
    env.update(BENTOML_HOME=str(home), PYTHONPATH=str(HERE))
    done = subprocess.run(
        [sys.executable, "-c", SAVE], cwd=home, env=env, capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return SavedHome(home)
