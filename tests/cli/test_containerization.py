"""`bentoml containerize`, with an engine that only prints how it was called."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import termios
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from bentoml.cli.bundle_cli import create_bundle_cli
from bentoml.cli.main import commandline_interface
from tests.cli.saved_home import BENTOML

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.saved_home import SavedHome


@pytest.fixture
def engine(tmp_path: Path) -> dict[str, str]:
    """Variables that make a podman which prints its arguments the only engine."""
    program = tmp_path / "bin" / "podman"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\necho "$@"\n')
    program.chmod(0o755)
    return {"PATH": str(program.parent), "BENTOML_CONTAINER_ENGINE": "podman"}


def containerize(saved: SavedHome, env: dict[str, str], *words: str) -> Result:
    return CliRunner(env={**saved.env, **env}).invoke(
        commandline_interface, ["containerize", *words], prog_name="bentoml"
    )


def test_containerize_prints_what_it_does_and_the_engine_to_stderr(saved: SavedHome, engine: dict[str, str]) -> None:
    result = containerize(saved, engine, "Scaler:latest", "-t", "scaler", "--build-arg", "A=1=2", "--build-arg", "B=")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        f"Found Bento: {saved.bundle}",
        "Containerizing Scaler:2.0 with local YataiService and docker daemon from local environment",
        "Build container image: scaler:2.0",
    ]
    assert result.stderr.startswith("build --format=docker ")
    assert " --build-arg=A=1=2 --build-arg=B= " in result.stderr


def test_containerize_quietly_prints_the_result_alone(saved: SavedHome, engine: dict[str, str]) -> None:
    result = containerize(saved, engine, "Scaler:2.0", "-q")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "Build container image: scaler:2.0\n", "")


def test_containerize_takes_platforms_one_by_one_and_in_a_list(saved: SavedHome, engine: dict[str, str]) -> None:
    words = ("Scaler:2.0", "--platform", "linux/amd64,linux/arm64", "--platform", "linux/amd64")
    assert " --platform=linux/amd64,linux/arm64 " in containerize(saved, engine, *words).stderr


TALKING = """#!/bin/sh
case "$1" in
    image) echo 12345678 sha256:abc ;;
    *) printf 'STEP 1\\n\\033[31m\\rred\\007\\n%0300d\\n' 0 ; echo error >&2 ; exit "${FAIL:-0}" ;;
esac
"""


def on_a_terminal(saved: SavedHome, env: dict[str, str], *words: str) -> tuple[int, str]:
    """The exit code of the command, and all that it writes to a terminal of 60 columns."""
    ours, theirs = os.openpty()
    termios.tcsetwinsize(theirs, (24, 60))
    process = subprocess.Popen(
        [BENTOML, "containerize", *words],
        env={**os.environ, **saved.env, **env, "COLUMNS": "60"},
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    written = bytearray()
    # When nobody has the other end any more, reading fails.
    with os.fdopen(ours, "rb", buffering=0) as terminal, suppress(OSError):
        while piece := terminal.read(4096):
            written += piece
    return process.wait(timeout=60), written.decode()


def test_containerize_on_a_terminal_writes_over_one_line_and_says_at_last_what_was_built(
    saved: SavedHome, engine: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "bin" / "podman").write_text(TALKING)
    code, written = on_a_terminal(saved, engine, "Scaler:2.0", "-t", "scaler")
    assert code == 0
    *_, progress, last, end = written.split("\r\n")
    assert end == ""
    parts = progress.split("\r\x1b[2K")
    assert [re.sub(r"^\d+ s  ", "", part) for part in parts] == [
        "",
        "STEP 1",
        " [31m",
        "red ",
        "0" * (59 - len("0 s  ")),
        "error",
        "Build container image: scaler:2.0",
    ]
    assert re.fullmatch(r"12 MB, sha256:abc, built in \d+ s; run it with: podman run -p 5000:5000 scaler:2\.0", last), (
        last
    )


def test_containerize_that_fails_on_a_terminal_shows_the_last_lines(
    saved: SavedHome, engine: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "bin" / "podman").write_text(TALKING)
    code, written = on_a_terminal(saved, {**engine, "FAIL": "7"}, "Scaler:2.0", "-t", "scaler")
    assert code == 1
    assert (
        "\r\x1b[2K\x1b[31mError: bentoml-cli containerize failed: podman build failed with exit code 7:\r\n" in written
    )
    assert written.endswith("error\x1b[0m\r\n")


def test_containerize_on_a_terminal_shows_all_lines_with_verbose(
    saved: SavedHome, engine: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "bin" / "podman").write_text(TALKING)
    code, written = on_a_terminal(saved, engine, "Scaler:2.0", "-t", "scaler", "--verbose")
    assert code == 0
    assert "STEP 1\r\n" in written
    assert f"\r\n{'0' * 300}\r\n" in written


def test_containerize_dry_run_writes_the_context_and_prints_commands_for_a_shell(
    saved: SavedHome, engine: dict[str, str], tmp_path: Path
) -> None:
    context = tmp_path / "a b"
    words = ("Scaler:2.0", "--dry-run", "--context-dir", str(context), "--build-arg", "A=$(id)")
    result = containerize(saved, engine, *words)
    assert result.exit_code == 0, result.output
    found, command = result.stdout.splitlines()
    assert found == f"Found Bento: {saved.bundle}"
    argv = shlex.split(command)
    assert argv[:2] == ["podman", "build"]
    assert argv[-1] == str(context)
    assert "--build-arg=A=$(id)" in argv
    assert (context / "Dockerfile").read_bytes() == (saved.bundle / "Dockerfile").read_bytes()


def test_containerize_dry_run_without_an_engine_shows_the_commands_of_docker(saved: SavedHome, tmp_path: Path) -> None:
    env = {"PATH": str(tmp_path), "BENTOML_CONTAINER_ENGINE": ""}
    result = containerize(saved, env, "Scaler:2.0", "--dry-run", "--context-dir", str(tmp_path / "context"), "-q")
    begin = "DOCKER_BUILDKIT=1 BUILDX_NO_DEFAULT_ATTESTATIONS=1 docker build --tag=scaler:2.0 "
    assert result.stdout.startswith(begin)


def test_containerize_without_an_engine_says_what_to_install(saved: SavedHome, tmp_path: Path) -> None:
    result = containerize(saved, {"PATH": str(tmp_path)}, "Scaler:2.0", "-q")
    assert result.exit_code == 1
    assert "is on PATH, and one of them has to build the image: install podman" in result.stderr


def test_containerize_of_an_installed_bundle_needs_no_bento(saved: SavedHome, engine: dict[str, str]) -> None:
    env = {**os.environ, **saved.env, **engine}
    result = CliRunner(env=env).invoke(
        create_bundle_cli(str(saved.bundle / "Scaler")), ["containerize", "-t", "me"], prog_name="Scaler"
    )
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[-1] == "Build container image: me:2.0"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_containerize_that_is_interrupted_ends_the_engine_and_leaves_nothing(
    saved: SavedHome, engine: dict[str, str], tmp_path: Path, number: signal.Signals
) -> None:
    (tmp_path / "bin" / "podman").write_text("#!/bin/sh\n/bin/mkdir $TMPDIR/buildah1\necho $$\nexec /bin/sleep 600\n")
    package = shutil.copytree(saved.bundle / "Scaler", tmp_path / "site-packages" / "Scaler")
    (tmp_path / "tmp").mkdir()
    process = subprocess.Popen(
        [BENTOML, "containerize", str(package), "--output", str(tmp_path / "image.tar")],
        env={**os.environ, **saved.env, **engine, "TMPDIR": str(tmp_path / "tmp")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    building = int(next(line for line in process.stderr if line.strip().isdigit()))
    caches = {"buildah-cache", f"buildah-cache-{os.getuid()}"}
    made = {path.name[:14]: path for path in (tmp_path / "tmp").iterdir() if path.name not in caches}
    assert set(made) == {"bentoml-image-", "bentoml-build-"}
    assert (made["bentoml-build-"] / "buildah1").is_dir()
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == (1 if number == signal.SIGINT else 143)
    assert {path.name for path in (tmp_path / "tmp").iterdir()} == caches
    assert {path.name for path in tmp_path.iterdir()} == {"bin", "site-packages", "tmp"}
    with pytest.raises(ProcessLookupError):
        os.kill(building, 0)
