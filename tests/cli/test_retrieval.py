"""`bentoml retrieve` copies a bundle and never replaces a file."""

from __future__ import annotations

import filecmp
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from bentoml.cli.main import commandline_interface

if TYPE_CHECKING:
    from click.testing import Result

    from tests.cli.saved_home import SavedHome


def _retrieve(saved: SavedHome, *argv: str) -> Result:
    return CliRunner(env=saved.env).invoke(commandline_interface, ["retrieve", *argv], prog_name="bentoml")


def _assert_same_files(left: Path, right: Path) -> None:
    names = sorted(path.relative_to(left) for path in left.rglob("*"))
    assert names == sorted(path.relative_to(right) for path in right.rglob("*"))
    files = [str(name) for name in names if (left / name).is_file()]
    assert filecmp.cmpfiles(left, right, files, shallow=False)[1:] == ([], [])


@pytest.mark.parametrize("exists", [True, False], ids=["existing", "new"])
def test_retrieve_when_given_a_directory_fills_it(saved: SavedHome, tmp_path: Path, exists: bool) -> None:
    target = tmp_path / "a" / "copy"
    if exists:
        target.mkdir(parents=True)
    result = _retrieve(saved, "Scaler:latest", "--target_dir", str(target))
    assert (result.exit_code, result.stdout) == (0, f"Save Scaler:2.0 artifact to directory {target}\n"), result.output
    _assert_same_files(saved.bundle, target)


def test_retrieve_when_given_no_directory_takes_the_current_one(
    saved: SavedHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = _retrieve(saved, "Scaler:1.0", "-q")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "bentoml.yml").is_file()


def test_retrieve_when_a_file_is_there_already_changes_nothing(saved: SavedHome, tmp_path: Path) -> None:
    mine = tmp_path / "README.md"
    mine.write_text("mine")
    result = _retrieve(saved, "Scaler:1.0", "--target_dir", str(tmp_path))
    assert result.exit_code == 1
    assert f"{tmp_path} already has README.md; choose another directory with --target_dir" in result.stderr
    assert list(tmp_path.iterdir()) == [mine]
    assert mine.read_text() == "mine"


def test_retrieve_when_a_file_was_changed_refuses_unless_told_not_to_look(own_saved: SavedHome, tmp_path: Path) -> None:
    (own_saved.bundle / "README.md").write_text("changed")
    target = tmp_path / "copy"
    result = _retrieve(own_saved, "Scaler:2.0", "--target_dir", str(target))
    assert result.exit_code == 1
    assert f"{own_saved.bundle / 'README.md'} was changed" in result.stderr
    assert not target.exists()
    result = _retrieve(own_saved, "Scaler:2.0", "--target_dir", str(target), "--no-verify")
    assert result.exit_code == 0, result.output
    _assert_same_files(own_saved.bundle, target)
