"""`bentoml label`, `alias` and `restore` on saved bundles, step by step."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from bentoml.cli.main import commandline_interface

if TYPE_CHECKING:
    from click.testing import Result

    from tests.cli.saved_home import SavedHome


def run(saved: SavedHome, command: str) -> Result:
    return CliRunner(env=saved.env).invoke(commandline_interface, [*command.split(), "-q"], prog_name="bentoml")


def done(saved: SavedHome, command: str) -> str:
    result = run(saved, command)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_label_shows_and_changes(own_saved: SavedHome) -> None:
    assert done(own_saved, "label Scaler:1.0") == "stage=test\n"
    assert done(own_saved, "label Scaler:1.0 team=vision stage=prod") == "stage=prod\nteam=vision\n"
    assert done(own_saved, "label Scaler:1.0 stage- tier=gold") == "team=vision\ntier=gold\n"
    assert done(own_saved, "label Scaler:1.0 --replace stage=dev") == "stage=dev\n"
    assert done(own_saved, "label Scaler:1.0 --replace") == ""
    assert done(own_saved, "label Scaler:latest") == "stage=prod\n"


@pytest.mark.parametrize(
    ("command", "exit_code", "message"),
    [
        pytest.param("label Scaler:1.0 stage", 2, "'stage' is neither KEY=VALUE nor KEY-", id="no-value"),
        pytest.param("label Scaler:1.0 stage=a stage-", 2, "stage cannot be set and removed at once", id="both"),
        pytest.param("label Scaler:1.0 --replace stage-", 2, "leave out KEY-", id="replace-and-remove"),
        pytest.param("label Scaler:1.0 team-", 1, "Scaler:1.0 has no label team; it has: stage", id="not-there"),
        pytest.param("label Scaler:1.0 stage=?", 1, "Invalid label value '?'", id="not-valid"),
        pytest.param("label Scaler:3.0 stage=prod", 1, "BentoService Scaler:3.0 not found", id="no-bundle"),
        pytest.param("label Scaler stage=prod", 1, '"Scaler" is not a tag', id="no-version"),
        pytest.param("alias Scaler:3.0 production", 1, "BentoService Scaler:3.0 not found", id="alias-no-bundle"),
        pytest.param("alias Scaler:1.0 latest", 1, "'latest' cannot be an alias", id="alias-latest"),
        pytest.param("alias Scaler:1.0 a --history", 2, "or --remove, or --history", id="alias-and-history"),
        pytest.param("alias Scaler --remove", 2, "Say which alias to remove", id="remove-without-alias"),
        pytest.param("alias Scaler@nothing --remove", 1, "Scaler has no alias nothing", id="remove-unknown"),
        pytest.param("alias --history", 2, "Say whose history", id="history-of-nobody"),
        pytest.param("get Scaler@nothing", 1, "BentoService Scaler@nothing not found", id="get-unknown-alias"),
        pytest.param("restore Scaler:1.0", 1, "cannot be restored: a bundle of this name", id="restore-what-is-there"),
        pytest.param("restore Scaler:3.0", 1, "no such bundle was deleted", id="restore-nothing"),
        pytest.param("restore Scaler:latest", 1, "names no version", id="restore-latest"),
        pytest.param("restore", 2, "Missing argument", id="restore-no-target"),
    ],
)
def test_commands_when_they_make_no_sense_say_why_and_change_nothing(
    own_saved: SavedHome, command: str, exit_code: int, message: str
) -> None:
    result = run(own_saved, command)
    assert result.exit_code == exit_code, result.output
    assert message in result.output
    assert done(own_saved, "label Scaler:1.0") == "stage=test\n"
    assert done(own_saved, "alias").splitlines()[1:] == []


def test_alias_is_set_moved_listed_and_removed(own_saved: SavedHome) -> None:
    assert done(own_saved, "alias Scaler:1.0 production") == "Scaler@production is Scaler:1.0\n"
    assert done(own_saved, "get Scaler@production --print-location").endswith("/Scaler/1.0\n")
    assert '"aliases": [\n    "production"\n  ]' in done(own_saved, "get Scaler:1.0")
    assert done(own_saved, "alias Scaler:latest production") == "Scaler@production is Scaler:2.0\n"
    assert done(own_saved, "alias Scaler@production canary") == "Scaler@canary is Scaler:2.0\n"
    row = r"Scaler@production +Scaler:2\.0 +\d{4}-\d\d-\d\d \d\d:\d\d +\S+\n"
    assert re.fullmatch(r"ALIAS +BENTO_SERVICE +SINCE +BY\nScaler@canary .*\n" + row, done(own_saved, "alias Scaler"))
    assert re.fullmatch(r"ALIAS .*\n" + row, done(own_saved, "alias Scaler@production"))
    assert done(own_saved, "alias Other").count("\n") == 1
    assert done(own_saved, "alias Scaler@production --remove") == "Scaler@production is removed\n"
    history = [line.split()[:2] for line in done(own_saved, "alias Scaler@production --history").splitlines()]
    assert history == [
        ["ALIAS", "VERSION"],
        ["Scaler@production", "(removed)"],
        ["Scaler@production", "2.0"],
        ["Scaler@production", "1.0"],
    ]


def test_alias_stands_for_the_bundle_in_commands(own_saved: SavedHome) -> None:
    done(own_saved, "alias Scaler:1.0 production")
    assert done(own_saved, "run Scaler@production scale --input 2") == "6\n"
    target = own_saved.home / "copy"
    assert done(own_saved, f"retrieve Scaler@production --target_dir {target}").startswith("Save Scaler:1.0 artifact")
    assert '"version": "1.0"' in done(own_saved, "info Scaler@production")


def test_delete_then_restore(own_saved: SavedHome) -> None:
    done(own_saved, "delete Scaler:1.0 -y")
    assert [line.split()[0] for line in done(own_saved, "list --deleted").splitlines()] == [
        "BENTO_SERVICE",
        "Scaler:1.0",
    ]
    assert done(own_saved, "restore Scaler:1.0") == "Scaler:1.0 is restored\n"
    assert done(own_saved, "label Scaler:1.0") == "stage=test\n"
    assert done(own_saved, "run Scaler:1.0 scale --input 2") == "6\n"
    assert done(own_saved, "list --deleted").count("\n") == 1


def test_delete_for_good_takes_what_was_deleted_before(own_saved: SavedHome) -> None:
    done(own_saved, "delete Scaler:1.0 -y")
    done(own_saved, "delete --all --purge -y")
    assert done(own_saved, "list --deleted").count("\n") == 1
    result = run(own_saved, "restore Scaler:1.0")
    assert "it was purged and cannot be restored" in result.output
    assert list((own_saved.home / "repository" / ".trash").iterdir()) == []


def test_delete_when_an_alias_stands_for_it_needs_force(own_saved: SavedHome) -> None:
    done(own_saved, "alias Scaler:2.0 production")
    result = run(own_saved, "delete Scaler@production -y")
    assert result.exit_code == 1
    assert "Scaler:2.0 is Scaler@production: move or remove the alias first" in result.output
    done(own_saved, "delete Scaler@production --force -y")
    assert [line.split()[0] for line in done(own_saved, "list").splitlines()] == ["BENTO_SERVICE", "Scaler:1.0"]
    assert done(own_saved, "alias").count("\n") == 1


def test_list_finds_words(own_saved: SavedHome) -> None:
    listed = done(own_saved, "list --search PROD").splitlines()[1:]
    assert [line.split()[0] for line in listed] == ["Scaler:2.0"]
