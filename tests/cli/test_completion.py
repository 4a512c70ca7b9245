"""Completion scripts are written where the shell reads them, once, and they work."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from bentoml.cli.main import commandline_interface


@pytest.fixture
def user_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def _install(*argv: str) -> str:
    result = CliRunner().invoke(commandline_interface, ["install-completion", *argv], prog_name="bentoml")
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    return result.stdout


@pytest.mark.parametrize(
    ("shell", "file"),
    [("bash", ".bash_completion"), ("zsh", ".zshrc"), ("fish", ".config/fish/completions/bentoml.fish")],
)
def test_install_completion_when_given_a_shell_writes_its_file(user_home: Path, shell: str, file: str) -> None:
    said = _install(shell)
    assert said == f"{shell} completion for bentoml is in {user_home / file}; start a new shell to use it\n"
    assert "_BENTOML_COMPLETE" in (user_home / file).read_text()


def test_install_completion_when_no_shell_is_given_takes_that_of_the_user(
    user_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHELL", "/usr/bin/zsh")
    _install()
    assert (user_home / ".zshrc").exists()


def test_install_completion_when_run_twice_appends_once_and_keeps_the_rest(tmp_path: Path) -> None:
    file = tmp_path / "rc"
    file.write_text("alias ll='ls -l'")
    _install("zsh", str(file))
    _install("zsh", str(file))
    text = file.read_text()
    assert text.startswith("alias ll='ls -l'\n#compdef bentoml")
    assert text.count("#compdef bentoml") == 1


def test_install_completion_when_overwriting_replaces_the_file(tmp_path: Path) -> None:
    file = tmp_path / "rc"
    file.write_text("old")
    _install("--overwrite", "fish", str(file))
    assert "old" not in file.read_text()


def test_install_completion_when_the_shell_is_unknown_is_misuse(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELL", "/bin/tcsh")
    result = CliRunner().invoke(commandline_interface, ["install-completion"], prog_name="bentoml")
    assert result.exit_code == 2
    assert "name it: bash, zsh, fish" in result.stderr


def test_completion_when_the_shell_asks_offers_commands() -> None:
    words = {"_BENTOML_COMPLETE": "bash_complete", "COMP_WORDS": "bentoml serv", "COMP_CWORD": "1"}
    done = subprocess.run(
        [str(Path(sys.executable).with_name("bentoml"))],
        env={**os.environ, **words},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.split() == ["plain,serve", "plain,serve-gunicorn"]
