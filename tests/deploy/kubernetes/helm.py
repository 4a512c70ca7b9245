"""Where tests find helm: on PATH, or where scripts/test has put it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

INSTALLED = Path(__file__).resolve().parents[3] / ".venv-environments" / "kubernetes-programs" / "helm" / "helm"


def helm_or_skip() -> str:
    """The program; without it the test is skipped."""
    found = shutil.which("helm") or (str(INSTALLED) if INSTALLED.is_file() else None)
    if found is None:
        pytest.skip("helm is not installed: https://helm.sh/docs/intro/install")
    return found
