"""`bentoml serve` in real processes: it says where it is, answers, and ends in order."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import threading
import urllib.error
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.cli.saved_home import BENTOML, SavedHome, run_bentoml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

START_LIMIT_S = 60.0
LAST_LINE = "* Press Ctrl-C to stop\n"


class Server:
    """A running `bentoml serve`."""

    def __init__(self, process: subprocess.Popen[str], printed: list[str]) -> None:
        self.process = process
        self.printed = printed

    @property
    def url(self) -> str:
        """The address it printed."""
        found = re.search(r"^\* Serving Scaler:2\.0 on (http://\S+)$", "".join(self.printed), re.MULTILINE)
        assert found is not None, self.printed
        return found[1]

    def fetch(self, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        """Status and body of one request."""
        try:
            with urllib.request.urlopen(self.url + path, data=body, timeout=30) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str, str]:
        """Exit status, the rest of stdout, all of stderr."""
        self.process.send_signal(number)
        stdout, stderr = self.process.communicate(timeout=60)
        return self.process.returncode, stdout, stderr


def _read_announcement(process: subprocess.Popen[str]) -> list[str]:
    """What it prints until it is ready."""
    assert process.stdout is not None
    printed: list[str] = []
    alarm = threading.Timer(START_LIMIT_S, process.kill)
    alarm.start()
    try:
        while LAST_LINE not in printed:
            line = process.stdout.readline()
            if not line:
                pytest.fail(f"never ready, printed {printed}, then {process.communicate()}")
            printed.append(line)
    finally:
        alarm.cancel()
    return printed


@contextmanager
def serving(saved: SavedHome, *argv: str, env: Mapping[str, str] | None = None) -> Iterator[Server]:
    process = subprocess.Popen(
        [BENTOML, *argv],
        env={**os.environ, **saved.env, **(env or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield Server(process, _read_announcement(process))
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["terminate", "ctrl-c"])
def test_serve_when_started_prints_where_it_is_answers_and_stops(saved: SavedHome, number: int) -> None:
    with serving(saved, "serve", "Scaler:latest", "--port", "0") as server:
        assert f"* Swagger UI: {server.url}/docs\n" in server.printed
        assert server.fetch("/healthz")[0] == 200
        assert server.fetch("/docs")[0] == 200
        assert server.fetch("/scale", b"7") == (200, b"21")
        status, _, stderr = server.stop(number)
    assert (status, stderr) == (0, "")


def test_serve_when_swagger_is_disabled_does_not_show_it(saved: SavedHome) -> None:
    with serving(saved, "serve", str(saved.bundle), "--port", "0", "--disable-swagger") as server:
        assert not any("Swagger" in line for line in server.printed)
        assert server.fetch("/docs") == (404, b"Swagger is disabled")


def test_serve_gunicorn_when_configured_by_variables_follows_them_and_warns_about_the_dropped(
    saved: SavedHome,
) -> None:
    env = {
        "BENTOML_PORT": "0",
        "BENTOML_GUNICORN_WORKERS": "2",
        "BENTOML_MB_MAX_BATCH_SIZE": "5",
        "BENTOML_MB_MAX_LATENCY": "9000",
        "BENTOML_ENABLE_SWAGGER": "false",
        "BENTOML_ENABLE_MICROBATCH": "true",
        "BENTOML_MICROBATCH_WORKERS": "3",
        "BENTOML_ENABLE_NGROK": "true",
        "BENTOML_DO_NOT_TRACK": "true",
    }
    with serving(saved, "serve-gunicorn", "Scaler:2.0", env=env) as server:
        warned = [line for line in server.printed if "is accepted and ignored" in line]
        assert [re.search(r"WARNING - (\S+)", line)[1] for line in warned] == [  # type: ignore[index]
            "--microbatch-workers",
            "--enable-microbatch/--disable-microbatch",
            "--run-with-ngrok",
        ]
        assert not any("Swagger" in line for line in server.printed)
        assert json.loads(server.fetch("/scale", b"1")[1]) == 3


def test_serve_when_the_port_is_taken_says_so(saved: SavedHome) -> None:
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run_bentoml("serve", "Scaler:2.0", "--port", str(port), "-q", env=saved.env)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"Error: bentoml-cli serve failed: cannot listen on 0.0.0.0:{port}: Address already in use; "
        "choose another port with --port\n"
    )


def test_serve_when_a_file_of_the_bundle_was_changed_refuses_unless_told_not_to_look(own_saved: SavedHome) -> None:
    readme = own_saved.bundle / "README.md"
    readme.write_text("changed")
    refused = run_bentoml("serve", "Scaler:2.0", "--port", "0", env=own_saved.env)
    assert refused.returncode == 1
    assert f"{readme} was changed after the bundle was saved" in refused.stderr
    with serving(own_saved, "serve", "Scaler:2.0", "--port", "0", "--no-verify") as server:
        assert server.fetch("/scale", b"1")[0] == 200


@pytest.mark.parametrize("command", [["run", "Scaler:2.0", "scale", "--input", "1"], ["open-api-spec", "Scaler:2.0"]])
def test_loading_commands_when_a_file_was_changed_refuse_unless_told_not_to_look(
    own_saved: SavedHome, command: list[str]
) -> None:
    (own_saved.bundle / "README.md").write_text("changed")
    assert run_bentoml(*command, "-q", env=own_saved.env).returncode == 1
    done = run_bentoml(*command, "--no-verify", "-q", env=own_saved.env)
    assert (done.returncode, done.stderr) == (0, "")
