"""A look-alike of az on PATH, and a registry with bundles."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import own_saved
from tests.deploy.azure.lookalike import LookAlike
from tests.deploy.plans.conftest import registry, write_bundle

__all__ = ["azure", "own_saved", "registry", "write_bundle"]

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def azure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LookAlike:
    """Whoever runs az asks it."""
    directory = tmp_path / "az"
    directory.mkdir()
    program = directory / "az"
    program.write_text(
        f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(ROOT)!r})\n"
        "from tests.deploy.azure.lookalike import main\nmain()\n",
        encoding="utf-8",
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{directory}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("AZ_LOOK_ALIKE", str(directory / "state.json"))
    return LookAlike(directory / "state.json")
