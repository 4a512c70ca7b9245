"""Both ways to start the command, in real processes."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from bentoml._version import __version__
from tests.cli.saved_home import BENTOML

if TYPE_CHECKING:
    from tests.cli.saved_home import SavedHome

WAYS = [pytest.param([BENTOML], id="script"), pytest.param([sys.executable, "-m", "bentoml"], id="module")]
CASES = [
    pytest.param(["--version"], 0, f"bentoml, version {__version__}\n", "", id="version"),
    pytest.param(["run", "Scaler:2.0", "scale", "--input", "2", "-q"], 0, "6\n", "", id="run"),
    pytest.param(["get", "Scaler:9"], 1, "", "Error: bentoml-cli get failed: BentoService Scaler:9 not", id="failure"),
    pytest.param(["get"], 2, "", "Usage: bentoml get [OPTIONS] NAME[:VERSION]\n", id="misuse"),
]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("argv", "status", "stdout", "stderr"), CASES)
def test_bentoml_when_started_either_way_is_the_same(
    saved: SavedHome, way: list[str], argv: list[str], status: int, stdout: str, stderr: str
) -> None:
    done = subprocess.run(
        [*way, *argv], env={**os.environ, **saved.env}, capture_output=True, text=True, timeout=100, check=False
    )
    assert (done.returncode, done.stdout) == (status, stdout)
    assert done.stderr.startswith(stderr)
    assert bool(done.stderr) == bool(stderr)


def test_bentoml_when_its_reader_leaves_ends_quietly(saved: SavedHome) -> None:
    process = subprocess.Popen(
        [BENTOML, "list"], env={**os.environ, **saved.env}, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(60) == 1


def test_public_name_when_used_is_the_command() -> None:
    import bentoml
    from bentoml.cli.main import commandline_interface

    assert bentoml.commandline_interface is commandline_interface
