"""Directories of sockets: those in use stay, those that killed replicas have left are removed by the next one."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from bentoml.deploy.ray.socket_directory import SocketDirectory

_OWNER = """
import sys
from bentoml.deploy.ray.socket_directory import SocketDirectory
directory = SocketDirectory()
(directory.path / "server.sock").touch()
print(directory.path, flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


def test_directory_of_a_killed_owner_is_removed_by_the_next_start(temporary: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _OWNER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout is not None
        left = Path(owner.stdout.readline().strip())
        other = SocketDirectory()
        assert left.is_dir(), "its owner lives"
        owner.kill()
        owner.wait()
    last = SocketDirectory()
    assert sorted(temporary.iterdir()) == sorted([other.path, last.path])
    for each in (other, last):
        each.remove()
    assert list(temporary.iterdir()) == []


def test_directory_stays_as_long_as_the_server_that_has_its_lock(temporary: Path) -> None:
    owned = SocketDirectory()
    with subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE, pass_fds=(owned.lock,)
    ) as server:
        os.close(owned.lock)  # as the end of the replica does
        SocketDirectory().remove()
        assert owned.path.is_dir()
        server.kill()
        server.wait()
    SocketDirectory().remove()
    assert not owned.path.exists()


def test_what_only_has_such_a_name_stays(temporary: Path) -> None:
    mine = temporary / "mine"
    mine.mkdir()
    (temporary / "bentoml-ray-file").touch()
    (temporary / "bentoml-ray-link").symlink_to(mine)
    SocketDirectory().remove()
    assert sorted(each.name for each in temporary.iterdir()) == ["bentoml-ray-file", "bentoml-ray-link", "mine"]
