from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks import environment
from benchmarks.environment import PEER_FILES, SetupError, ensure_environment, environment_key
from benchmarks.peer_table import ENVIRONMENTS, PEERS, Peer


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)
def test_peer_of_the_table_has_an_environment_its_files_and_a_version(peer: Peer) -> None:
    assert (PEER_FILES / peer.directory).is_dir()
    pinned = {requirement.partition("==")[0].partition("[")[0] for requirement in ENVIRONMENTS[peer.environment]}
    assert set(peer.distributions) <= pinned


def test_every_requirement_is_pinned() -> None:
    assert [line for lines in ENVIRONMENTS.values() for line in lines if line.count("==") != 1] == []


def test_environment_key_changes_with_the_requirements(monkeypatch: pytest.MonkeyPatch) -> None:
    before = environment_key(Path(sys.executable), "mosec")
    assert before == environment_key(Path(sys.executable), "mosec")
    monkeypatch.setattr(environment, "ENVIRONMENTS", {"mosec": ("mosec==0.0.1",)})
    assert environment_key(Path(sys.executable), "mosec") != before


def test_ensure_environment_that_cannot_be_installed_says_why_and_is_not_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = tmp_path / "no-such-package-0.1-py3-none-any.whl"
    monkeypatch.setattr(environment, "ENVIRONMENTS", {"mosec": (str(missing),)})
    monkeypatch.setattr(environment, "PEER_PYTHON", sys.version_info[:2])
    with pytest.raises(SetupError, match="no-such-package"):
        ensure_environment("mosec", tmp_path / "cache")
    assert list(tmp_path.rglob("complete.json")) == []
