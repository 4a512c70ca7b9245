"""Fixtures every test shares: a private home directory and no configuration from the machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.skip_guard import pytest_make_collect_report, pytest_runtest_makereport

__all__ = ["bentoml_home", "pytest_make_collect_report", "pytest_runtest_makereport"]

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def bentoml_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh `$BENTOML_HOME` for each test; every other `BENTOML_*` variable is removed."""
    import os

    for name in [name for name in os.environ if name.upper().startswith("BENTOML")]:
        monkeypatch.delenv(name)
    home = tmp_path_factory.mktemp("bentoml-home")
    monkeypatch.setenv("BENTOML_HOME", str(home))
    return home
