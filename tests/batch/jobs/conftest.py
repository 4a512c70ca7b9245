"""Bundles that jobs run."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest


def _saved(directory: Path, name: str) -> Path:
    bundle = directory / "bundle"
    bundle.mkdir()
    shutil.copy(Path(__file__).with_name("batch_service.py"), directory / "batch_service.py")
    code = f"from batch_service import {name}\n{name}().save_to_dir({str(bundle)!r})"
    subprocess.run([sys.executable, "-c", code], cwd=directory, check=True, timeout=120)
    return bundle


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle with the APIs of `Jobs`."""
    return _saved(tmp_path_factory.mktemp("jobs"), "Jobs")


@pytest.fixture(scope="session")
def broken_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle that ends every worker."""
    return _saved(tmp_path_factory.mktemp("broken"), "Broken")
