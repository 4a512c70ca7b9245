"""The command answers at once: `--help` and `--version` import click and nothing heavy."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest

from bentoml.cli.lazy_group import CommandEntry
from bentoml.cli.main import COMMANDS, commandline_interface

HEAVY = {
    "alembic", "cloudpickle", "httptools", "markdown_it", "msgpack", "numpy", "pandas", "prometheus_client", "sklearn",
    "sqlalchemy", "starlette", "uvicorn", "uvloop", "yaml", "asyncio", "email", "http.client", "ssl",
}  # fmt: skip
OWN = {"bentoml", "bentoml._version", "bentoml.cli", "bentoml.cli.lazy_group", "bentoml.cli.main"}


def _imported(*argv: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *argv], capture_output=True, text=True, timeout=60, check=True
    )
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    return {line.rsplit("|", 1)[1].strip() for line in lines}


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_bentoml_when_asked_for_help_imports_nothing_heavy(option: str) -> None:
    imported = _imported("-m", "bentoml", option)
    assert {name for name in imported if name.partition(".")[0] in HEAVY or name in HEAVY} == set()
    assert {name for name in imported if name.partition(".")[0] == "bentoml"} == OWN


@pytest.mark.parametrize("entry", COMMANDS, ids=[entry.name for entry in COMMANDS])
def test_command_when_asked_for_help_imports_no_heavy_library(entry: CommandEntry) -> None:
    imported = _imported("-m", "bentoml", entry.name, "--help")
    assert {name for name in imported if name.partition(".")[0] in HEAVY - {"asyncio", "email"}} == set()


@pytest.mark.parametrize("entry", COMMANDS, ids=[entry.name for entry in COMMANDS])
def test_command_table_when_loaded_agrees_with_the_command(entry: CommandEntry) -> None:
    command = commandline_interface.get_command(click.Context(commandline_interface), entry.name)
    assert command is not None
    assert command.name == entry.name
    assert command.short_help == entry.short_help
