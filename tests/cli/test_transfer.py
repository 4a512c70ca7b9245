"""`bentoml push`, `pull` and the other commands with `--yatai-url`, over a registry in a process of its own."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bentoml.cli.main import commandline_interface
from bentoml.cli.progress import TransferLine
from bentoml.yatai.client import get_yatai_client
from bentoml.yatai.resolve import release_all_but
from tests.cli.saved_home import BENTOML, SavedHome, run_bentoml
from tests.cli.server_process import served
from tests.yatai.server.live_registry import LiveRegistry, live_registry


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveRegistry]:
    """Empty at first; tests change versions of their own."""
    with live_registry(tmp_path_factory.mktemp("registry")) as running:
        yield running


@pytest.fixture(scope="module")
def filled(registry: LiveRegistry, saved: SavedHome) -> LiveRegistry:
    """It has `Scaler:1.0` and `Scaler:2.0`; for tests that only read."""
    for version in ("1.0", "2.0"):
        done = run_bentoml("push", f"Scaler:{version}", "--yatai-url", registry.url, env=saved.env)
        assert done.returncode == 0, done.stderr
    return registry


@pytest.fixture(autouse=True)
def _nothing_stays_held() -> Iterator[None]:
    """Commands of these tests run in one process, and hold what they use until it ends."""
    yield
    release_all_but([])


def run(home: Path, *argv: str) -> Result:
    return CliRunner(env={"BENTOML_HOME": str(home)}).invoke(commandline_interface, argv, prog_name="bentoml")


def test_push_and_pull_say_what_they_did(registry: LiveRegistry, own_saved: SavedHome, tmp_path: Path) -> None:
    url = registry.url
    done = run(own_saved.home, "push", "Scaler:latest", "--yatai-url", url)
    assert (done.exit_code, done.stdout, done.stderr) == (0, f"Pushed Scaler:2.0 to {url}\n", "")
    again = run(own_saved.home, "push", "Scaler:2.0", "--yatai-url", url)
    assert (again.exit_code, again.stdout) == (0, f"Pushed Scaler:2.0 to {url}\n")
    assert again.stderr == f"Scaler:2.0 is at {url} already, with the same files\n"
    assert run(own_saved.home, "push", "Scaler:2.0", "--yatai-url", url, "-q").stderr == ""
    pulled = run(tmp_path, "pull", "Scaler:2.0", "--yatai-url", url)
    assert (pulled.exit_code, pulled.stdout, pulled.stderr) == (0, f"Pulled Scaler:2.0 from {url}\n", "")
    assert "stage:prod" in run(tmp_path, "list").stdout
    run(tmp_path, "label", "Scaler:2.0", "stage=mine")
    again = run(tmp_path, "pull", "Scaler:2.0", "--yatai-url", url)
    assert again.stderr == (
        "Scaler:2.0 is on this machine already, with the same files\n"
        "Its labels there are others, and stay; bentoml label changes them\n"
    )


def test_push_without_labels_leaves_them_here(saved: SavedHome, tmp_path: Path) -> None:
    with live_registry(tmp_path) as other:
        for words in (["push", "Scaler:2.0", "--without-labels"], ["label", "Scaler:2.0"]):
            done = run(saved.home, *words, "--yatai-url", other.url)
            assert done.exit_code == 0, done.output
    assert done.stdout == ""


@pytest.mark.parametrize("verb", ["push", "pull"])
@pytest.mark.parametrize(
    ("bento", "url", "text"),
    [
        pytest.param("Scaler", "{url}", "BentoService Scaler invalid - specify name:version", id="no-version"),
        pytest.param("Scaler:9", "{url}", "BentoService Scaler:9 not found - NOT_FOUND:no such bundle", id="unknown"),
        pytest.param(
            "Scaler:2.0", None, "There is no registry to .*bentoml config set yatai.remote.url=URL", id="no-url"
        ),
        pytest.param("Scaler:2.0", "ftp://x", "ftp:// is no scheme of a registry", id="bad-url"),
        pytest.param("Scaler:2.0", "http://127.0.0.1:1", "cannot be reached: Connection refused", id="server-down"),
    ],
)
def test_push_and_pull_that_fail_say_why_and_exit_1(
    saved: SavedHome, registry: LiveRegistry, verb: str, bento: str, url: str | None, text: str
) -> None:
    argv = [] if url is None else ["--yatai-url", url.format(url=registry.url)]
    done = run(saved.home, verb, bento, *argv)
    assert (done.exit_code, done.stdout) == (1, "")
    assert re.fullmatch(rf"Error: bentoml-cli {verb} failed: .*{text}.*\n", done.stderr), done.stderr


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        pytest.param("list", "Scaler:2.0", id="list"),
        pytest.param("get Scaler:1.0", '"name": "Scaler"', id="get"),
        pytest.param("info Scaler:2.0", '"version": "2.0"', id="info"),
        pytest.param("open-api-spec Scaler:2.0", '"/scale"', id="open-api-spec"),
        pytest.param("load Scaler:2.0", "Loaded Scaler:2.0 from {home}/cache/", id="load"),
        pytest.param("run Scaler:2.0 scale --input 2 -q", "6\n", id="run"),
        pytest.param("env explain Scaler:2.0", "pandas", id="env-explain"),
        pytest.param(
            "containerize Scaler:2.0 --engine docker --dry-run --context-dir {home}/context",
            "Found Bento: {home}/cache/",
            id="containerize",
        ),
        pytest.param(
            "retrieve Scaler:1.0 --target_dir {home}/copy",
            "Save Scaler:1.0 artifact to directory {home}/copy",
            id="retrieve",
        ),
        pytest.param("alias Scaler", "ALIAS", id="alias"),
        pytest.param("label Scaler:2.0", "stage=prod", id="label"),
    ],
)
def test_commands_take_bundles_from_the_registry(
    filled: LiveRegistry, tmp_path: Path, argv: str, expected: str
) -> None:
    words = argv.format(home=tmp_path).split()
    done = run(tmp_path, *words, "--yatai-url", filled.url)
    assert done.exit_code == 0, done.output
    assert expected.format(home=tmp_path) in done.stdout


def test_a_configured_registry_is_the_one_of_all_commands(filled: LiveRegistry, tmp_path: Path) -> None:
    done = run(tmp_path, "config", "set", f"yatai_service.url={filled.url}")
    assert done.exit_code == 0, done.output
    assert done.stderr == "Note: 'yatai_service.url' is now 'yatai.remote.url'\n"
    assert "Scaler:2.0" in run(tmp_path, "list").stdout
    assert "Scaler:2.0" not in run(tmp_path, "list", "--yatai-url", "").stdout
    assert run(tmp_path, "pull", "Scaler:2.0").stdout == f"Pulled Scaler:2.0 from {filled.url}\n"
    done = run(tmp_path, "config", "set", "yatai.remote.access_token=hush")
    assert "hush" not in done.stdout + run(tmp_path, "config", "view").stdout


def test_delete_asks_with_the_address(filled: LiveRegistry, tmp_path: Path) -> None:
    asked = CliRunner(env={"BENTOML_HOME": str(tmp_path)}).invoke(
        commandline_interface, ["delete", "Scaler:1.0", "--yatai-url", filled.url], input="n\n"
    )
    assert asked.stderr.startswith(f"Permanently delete Scaler:1.0 from {filled.url}? [y/N]: ")
    assert "Scaler:1.0" in run(tmp_path, "list", "--yatai-url", filled.url).stdout


def test_containerize_builds_here_and_says_from_where(filled: LiveRegistry, tmp_path: Path) -> None:
    done = run(tmp_path, "containerize", "Scaler:2.0", "--engine", "rkt", "--yatai-url", filled.url)
    assert done.exit_code == 1
    assert f"Containerizing Scaler:2.0 with YataiService at {filled.url} and docker daemon from local" in done.stdout


@pytest.mark.parametrize("command", ["sign Scaler:2.0 --key k.pem", "env lock Scaler:2.0"])
def test_what_changes_a_bundle_does_not_change_a_copy(filled: LiveRegistry, tmp_path: Path, command: str) -> None:
    done = run(tmp_path, *command.split(), "--yatai-url", filled.url)
    assert done.exit_code == 1
    assert "Scaler:2.0 is not on this machine" in done.stderr


def test_serve_takes_up_an_alias_that_was_moved(filled: LiveRegistry, tmp_path: Path) -> None:
    env = {"BENTOML_HOME": str(tmp_path), "BENTOML__YATAI__REMOTE__URL": filled.url}
    there = get_yatai_client(filled.url).repository
    there.set_alias("Scaler:1.0", "production")
    with served([BENTOML, "serve", "Scaler@production", "--port", "0"], env) as server:
        assert "* Serving Scaler:1.0 on" in "".join(server.printed)
        assert server.fetch("/scale", b"2") == (200, b"6")
        there.set_alias("Scaler:2.0", "production")
        server.process.send_signal(signal.SIGHUP)
        server.process.wait_for("Scaler:2.0 is served now")
        assert server.fetch("/scale", b"3") == (200, b"9")
        assert b'"version": "2.0"' in server.fetch("/metadata")[1]
        assert server.stop()[0] == 0


@pytest.mark.parametrize("url", ["{url}", ""], ids=["remote", "local"])
def test_command_line_without_a_terminal_shows_no_progress(filled: LiveRegistry, saved: SavedHome, url: str) -> None:
    done = run_bentoml("info", "Scaler:2.0", "--yatai-url", url.format(url=filled.url), env=saved.env)
    assert (done.returncode, done.stderr) == (0, "")


def test_transfer_line_says_how_much_how_fast_and_how_long() -> None:
    now_s = 100.0
    terminal = io.StringIO()
    line = TransferLine(terminal, "Sending Iris:1", lambda: now_s)
    line.moved(10_000_000, 100_000_000)  # was there before
    now_s = 102.0
    line.moved(50_000_000, 100_000_000)
    now_s = 102.01
    line.moved(51_000_000, 100_000_000)
    now_s = 104.0
    line.moved(100_000_000, 100_000_000)
    line.close()
    line.close()
    assert terminal.getvalue().split("\r\x1b[2K")[1:] == [
        "Sending Iris:1  50.0 of 100.0 MB, 20.0 MB/s, 2 s left",
        "Sending Iris:1  100.0 of 100.0 MB, 22.5 MB/s",
        "",
    ]


@pytest.mark.slow
def test_push_that_was_killed_goes_on_where_it_was(registry: LiveRegistry, tmp_path: Path) -> None:
    """Two hundred megabytes; the process is killed when some of them are there."""
    home = tmp_path / "home"
    env = {**os.environ, "BENTOML_HOME": str(home), "PYTHONPATH": str(Path(__file__).parent)}
    code = (
        "import random, scaler_service\n"
        "service = scaler_service.Scaler()\n"
        "service.pack('factor', random.Random(1).randbytes(200_000_000))\n"
        "service.save(version='large')\n"
    )
    subprocess.run([sys.executable, "-c", code], env=env, check=True, capture_output=True, timeout=100)
    watched = (
        "import sys\n"
        "from bentoml.yatai.client import get_yatai_client\n"
        "report = lambda done, total: print(done, total, flush=True)\n"
        f"get_yatai_client({registry.url!r}, progress=report).repository.push('Scaler:large')\n"
    )
    with subprocess.Popen([sys.executable, "-c", watched], env=env, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        for line in first.stdout:
            if int(line.split()[0]) > 50_000_000:
                break
        first.kill()
    second = subprocess.run(
        [sys.executable, "-c", watched], env=env, capture_output=True, text=True, timeout=100, check=True
    )
    reports = [tuple(map(int, line.split())) for line in second.stdout.splitlines()]
    assert reports[0][0] > 10_000_000
    assert reports[-1][0] == reports[-1][1]
    done = run(tmp_path / "other", "pull", "Scaler:large", "--yatai-url", registry.url)
    assert done.exit_code == 0, done.output
