"""The door every command goes through: errors become one sentence, quiet means quiet."""

from __future__ import annotations

import logging
import warnings

import click
import pytest
from click.testing import CliRunner

from bentoml.cli.command import Verbosity
from bentoml.cli.options import bento_command
from bentoml.exceptions import BundleIntegrityException, NotFound

logger = logging.getLogger("bentoml.test")


@bento_command("probe")
@click.argument("what")
@click.pass_obj
def probe(verbosity: Verbosity, /, what: str) -> None:
    """Do what a careless command might do."""
    logger.info("looking at %s", what)
    if what == "ours":
        raise NotFound("no such thing; look elsewhere")
    if what == "foreign":
        raise KeyError("thing")
    if what == "assertion":
        raise AssertionError('Operator "x" is invalid')
    if what == "changed":
        raise BundleIntegrityException("a was changed; restore it, or load it without verification")
    if what == "warning":
        warnings.warn("old spelling", DeprecationWarning, stacklevel=1)
    if what == "usage":
        raise click.UsageError("not like this")
    if what == "abort":
        raise click.Abort
    if what == "log":
        logger.error("something broke")
    if what == "status":
        click.get_current_context().exit(7)
    click.echo(f"quiet={verbosity.quiet} debug={verbosity.debug}")


FAILED = "Error: bentoml-cli probe failed: "
HINT = " (run again with --debug for the traceback)"
CASES = [
    pytest.param(["fine", "-q"], 0, "quiet=True debug=False\n", "", id="quiet"),
    pytest.param(["fine", "--quiet", "--do-not-track"], 0, "quiet=True debug=False\n", "", id="do-not-track"),
    pytest.param(["warning", "-q"], 0, "quiet=True debug=False\n", "", id="quiet-hides-warnings"),
    pytest.param(["ours", "-q"], 1, "", f"{FAILED}no such thing; look elsewhere\n", id="our-error"),
    pytest.param(["foreign", "-q"], 1, "", f"{FAILED}KeyError: 'thing'{HINT}\n", id="foreign-error"),
    pytest.param(["assertion", "-q"], 1, "", f'{FAILED}Operator "x" is invalid\n', id="assertion-for-a-wrong-argument"),
    pytest.param(
        ["changed", "-q"],
        1,
        "",
        f"{FAILED}a was changed; restore it, or load it without verification (with --no-verify)\n",
        id="changed-file",
    ),
    pytest.param(["abort", "-q"], 1, "", "Aborted!\n", id="abort"),
    pytest.param(["status", "-q"], 7, "", "", id="exit-status"),
]


@pytest.mark.parametrize(("argv", "status", "stdout", "stderr"), CASES)
def test_command_when_it_ends_reports_as_promised(argv: list[str], status: int, stdout: str, stderr: str) -> None:
    result = CliRunner().invoke(probe, argv)
    assert (result.exit_code, result.stdout, result.stderr) == (status, stdout, stderr)


def test_command_when_quiet_logs_errors_to_stderr() -> None:
    result = CliRunner().invoke(probe, ["log", "-q"])
    assert result.stdout == "quiet=True debug=False\n"
    assert result.stderr.endswith("ERROR - something broke\n")


def test_command_when_misused_exits_2() -> None:
    result = CliRunner().invoke(probe, ["usage"])
    assert result.exit_code == 2
    assert "Error: not like this" in result.stderr


def test_command_when_not_quiet_logs_to_stdout() -> None:
    result = CliRunner().invoke(probe, ["fine"])
    assert "INFO - looking at fine\n" in result.stdout
    assert result.stderr == ""


@pytest.mark.parametrize(
    ("argv", "env"),
    [(["ours", "--debug"], {}), (["ours", "--verbose"], {}), (["ours"], {"BENTOML_DEBUG": "true"})],
    ids=["debug", "verbose", "environment"],
)
def test_command_when_debugging_shows_the_traceback(argv: list[str], env: dict[str, str]) -> None:
    result = CliRunner(env=env).invoke(probe, argv)
    assert result.exit_code == 1
    assert "Traceback (most recent call last)" in result.stderr
    assert result.stderr.endswith(f"{FAILED}no such thing; look elsewhere\n")


def test_command_when_it_fails_on_a_terminal_says_so_in_red() -> None:
    result = CliRunner().invoke(probe, ["ours"], color=True)
    assert result.stderr == f"\x1b[31m{FAILED}no such thing; look elsewhere\x1b[0m\n"


def test_command_when_the_configuration_is_broken_says_which_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENTOML_CONFIG", "/nowhere/bentoml.yml")
    result = CliRunner().invoke(probe, ["fine"])
    assert result.exit_code == 1
    assert result.stderr == f"{FAILED}Config file /nowhere/bentoml.yml not found; correct or unset BENTOML_CONFIG\n"
