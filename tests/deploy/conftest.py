"""A home with saved bundles, as the tests of the command line have it, and an engine that builds nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.cli.conftest import saved

__all__ = ["saved"]


@pytest.fixture
def engine_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A podman on PATH that never works."""
    program = tmp_path / "cold" / "podman"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho 'the oven is cold' >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
