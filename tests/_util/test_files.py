"""Files and directories that appear whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from bentoml._util.files import replaced_directory, staged_directory, write_atomic


def test_write_atomic_replaces_and_sets_execute_bits(tmp_path: Path) -> None:
    path = tmp_path / "run.sh"
    write_atomic(path, "old")
    write_atomic(path, b"#!/bin/sh\n", executable=True)
    assert path.read_bytes() == b"#!/bin/sh\n"
    assert path.stat().st_mode & 0o111
    assert [entry.name for entry in tmp_path.iterdir()] == ["run.sh"]


def test_write_atomic_into_a_missing_directory_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_atomic(tmp_path / "gone" / "a", "x")


def test_staged_directory_appears_when_the_block_ends(tmp_path: Path) -> None:
    target = tmp_path / "bundle"
    with staged_directory(target) as staging:
        (staging / "a").write_text("x", encoding="utf-8")
        assert not target.exists()
    assert (target / "a").read_text(encoding="utf-8") == "x"
    assert list(tmp_path.iterdir()) == [target]


def test_staged_directory_leaves_nothing_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), staged_directory(tmp_path / "bundle") as staging:
        (staging / "not" / "there").touch()
    assert list(tmp_path.iterdir()) == []


def test_staged_directory_never_replaces_what_is_there(tmp_path: Path) -> None:
    target = tmp_path / "bundle"
    target.mkdir()
    (target / "kept").touch()
    with pytest.raises(FileExistsError, match="already exists"), staged_directory(target):
        pass
    assert [entry.name for entry in target.iterdir()] == ["kept"]
    assert list(tmp_path.iterdir()) == [target]


def test_replaced_directory_takes_the_place_of_what_was_there(tmp_path: Path) -> None:
    target = tmp_path / "model"
    for name in ("old", "new"):
        with replaced_directory(target) as directory:
            (directory / name).touch()
    assert [entry.name for entry in target.iterdir()] == ["new"]
    assert list(tmp_path.iterdir()) == [target]


def test_replaced_directory_keeps_what_was_there_after_an_error(tmp_path: Path) -> None:
    target = tmp_path / "model"
    target.mkdir()
    (target / "kept").touch()
    with pytest.raises(FileNotFoundError), replaced_directory(target) as directory:
        (directory / "not" / "there").touch()
    assert [entry.name for entry in target.iterdir()] == ["kept"]
    assert list(tmp_path.iterdir()) == [target]
