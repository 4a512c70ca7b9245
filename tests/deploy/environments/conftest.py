"""One bundle for tests that only read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cli.circle_bundle import save_circle

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def circle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle that needs mpmath, which is not installed here."""
    root = tmp_path_factory.mktemp("circle")
    return save_circle(root / "project", root / "bundle")
