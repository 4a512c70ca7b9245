"""Locks where the file system has none, as it may be on another machine: said, and nothing left."""

from __future__ import annotations

import errno
import fcntl
import os
import tempfile
from pathlib import Path

import pytest

from bentoml.deploy.environment.store import EnvironmentHome
from bentoml.exceptions import BentoMLException
from bentoml.saved_bundle.remote import fetch_bundle


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_file_system_without_locks_is_said_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(BentoMLException, match=r"cannot be locked: .*has no locks; set TMPDIR to a directory"):
        fetch_bundle("https://bundles.example/x.tar")
    home = EnvironmentHome(tmp_path / "environment")
    with pytest.raises(BentoMLException, match=r"cannot be locked: .*set BENTOML_HOME \(or --path\)"), home.locked():
        pass
    assert [path for path in tmp_path.iterdir() if path != home.path] == []
