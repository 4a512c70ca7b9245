"""The command line of one bundle: the same commands, without the BENTO argument."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from bentoml.cli.bundle_cli import create_bundle_cli

if TYPE_CHECKING:
    from click.testing import Result

    from tests.cli.saved_home import SavedHome


def _scaler(saved: SavedHome, *argv: str) -> Result:
    return CliRunner(env=saved.env).invoke(create_bundle_cli(str(saved.bundle)), argv, prog_name="Scaler")


def test_bundle_cli_when_asked_for_help_lists_its_commands(saved: SavedHome) -> None:
    result = _scaler(saved, "--help")
    names = [line.split()[0] for line in result.stdout.partition("Commands:\n")[2].splitlines() if line[2:3] != " "]
    assert names == ["info", "open-api-spec", "run", "serve", "serve-gunicorn", "containerize", "install-completion"]


def test_bundle_cli_when_asked_for_its_version_names_the_service(saved: SavedHome) -> None:
    assert _scaler(saved, "--version").stdout == "Scaler, version 2.0\n"


def test_bundle_cli_when_running_needs_no_bento(saved: SavedHome) -> None:
    result = _scaler(saved, "run", "scale", "--input", "4", "-q")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "12\n", ""), result.output


def test_bundle_cli_when_asked_for_info_describes_the_bundle(saved: SavedHome) -> None:
    shown = json.loads(_scaler(saved, "info").stdout)
    assert shown["version"] == "2.0"
    assert shown["requirements_lock"]["hashes"] is False
    assert shown["sbom"]["complete"] is True


def test_bundle_cli_when_asked_for_its_api_gives_the_document(saved: SavedHome) -> None:
    assert "/scale" in json.loads(_scaler(saved, "open-api-spec").stdout)["paths"]


@pytest.mark.parametrize("command", ["run", "info", "open-api-spec", "serve", "serve-gunicorn", "containerize"])
def test_bundle_cli_when_showing_help_has_no_bento_and_no_registry(saved: SavedHome, command: str) -> None:
    result = _scaler(saved, command, "--help")
    assert result.exit_code == 0
    usage = result.stdout.splitlines()[0]
    assert usage.startswith(f"Usage: Scaler {command} [OPTIONS]")
    assert "BENTO" not in usage
    assert "--yatai-url" not in result.stdout
    assert "NAME:VERSION" not in result.stdout


def test_bundle_cli_when_the_directory_is_no_bundle_says_so(tmp_path: object) -> None:
    result = CliRunner().invoke(create_bundle_cli(str(tmp_path)), ["info"], prog_name="Scaler")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: bentoml-cli info failed: ")


def test_package_of_the_bundle_when_imported_offers_the_command_line(saved: SavedHome) -> None:
    """What the console script of an installed bundle does: import the package, call `cli`."""
    program = "import sys; from Scaler import cli; sys.argv = ['Scaler', *sys.argv[1:]]; cli()"
    done = subprocess.run(
        [sys.executable, "-B", "-c", program, "run", "scale", "--input", "5", "-q"],
        env={**os.environ, **saved.env, "PYTHONPATH": str(saved.bundle)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "15\n", "")
