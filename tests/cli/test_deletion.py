"""`bentoml delete` removes what was named, after asking, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from bentoml.cli.main import commandline_interface

if TYPE_CHECKING:
    from click.testing import Result

    from tests.cli.saved_home import SavedHome

CASES = [
    pytest.param(["Scaler:1.0", "-y"], None, ["2.0"], id="one-version"),
    pytest.param(["Scaler:1.0,Scaler:2.0", "-y"], None, [], id="comma-list"),
    pytest.param(["Scaler", "--assume-yes"], None, [], id="name"),
    pytest.param(["--labels", "stage=prod", "--yes"], None, ["1.0"], id="labels"),
    pytest.param(["Scaler", "--labels", "stage=test", "-y"], None, ["2.0"], id="name-and-labels"),
    pytest.param(["--all", "-y"], None, [], id="all"),
    pytest.param(["Scaler:1.0"], "y\n", ["2.0"], id="asked-yes"),
    pytest.param(["Scaler:1.0"], "n\n", ["2.0", "1.0"], id="asked-no"),
    pytest.param(["Scaler:1.0,Scaler:2.0"], "n\ny\n", ["1.0"], id="asked-for-each"),
]


def _bentoml(saved: SavedHome, *argv: str, answers: str | None = None) -> Result:
    return CliRunner(env=saved.env).invoke(commandline_interface, argv, prog_name="bentoml", input=answers)


def _versions(saved: SavedHome) -> list[str]:
    lines = _bentoml(saved, "list", "-q").stdout.splitlines()[1:]
    return [line.split()[0].partition(":")[2] for line in lines]


@pytest.mark.parametrize(("argv", "answers", "left"), CASES)
def test_delete_when_given_targets_removes_those(
    own_saved: SavedHome, argv: list[str], answers: str | None, left: list[str]
) -> None:
    result = _bentoml(own_saved, "delete", *argv, "-q", answers=answers)
    assert (result.exit_code, result.stdout) == (0, ""), result.output
    assert _versions(own_saved) == left
    kept = own_saved.home / "repository" / "Scaler"
    assert sorted(path.name for path in kept.glob("[0-9]*")) == sorted(left)


def test_delete_when_not_quiet_logs_what_it_deletes(own_saved: SavedHome) -> None:
    result = _bentoml(own_saved, "delete", "Scaler:1.0", "-y")
    assert result.stdout.endswith("INFO - Deleting saved Bento bundle Scaler:1.0\n")
    assert result.stderr == ""


def test_delete_when_target_is_latest_asks_about_the_real_version(own_saved: SavedHome) -> None:
    result = _bentoml(own_saved, "delete", "Scaler:latest", answers="y\n")
    assert result.stderr.startswith("Permanently delete Scaler:2.0? [y/N]: ")
    assert _versions(own_saved) == ["1.0"]


def test_delete_when_latest_of_an_unknown_name_is_named_asks_nothing(own_saved: SavedHome) -> None:
    result = _bentoml(own_saved, "delete", "Nothing:latest")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: bentoml-cli delete failed: BentoService Nothing:latest not found")


def test_delete_when_no_labels_match_says_so(own_saved: SavedHome) -> None:
    result = _bentoml(own_saved, "delete", "--labels", "stage=nowhere", "-y")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.endswith("INFO - No saved Bento bundle matches, nothing was deleted\n")


def test_delete_when_asking_asks_on_stderr(own_saved: SavedHome) -> None:
    result = _bentoml(own_saved, "delete", "Scaler:1.0", answers="n\n")
    assert result.stdout == ""
    assert result.stderr.startswith("Permanently delete Scaler:1.0? [y/N]: ")


def test_delete_when_nobody_answers_deletes_nothing(own_saved: SavedHome) -> None:
    result = _bentoml(own_saved, "delete", "Scaler", answers="")
    assert result.exit_code == 1
    assert _versions(own_saved) == ["2.0", "1.0"]
