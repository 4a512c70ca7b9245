"""`bentoml serve` in real processes: it says where it is, answers, and ends in order."""

from __future__ import annotations

import json
import re
import signal
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.cli.saved_home import BENTOML, SavedHome, run_bentoml
from tests.cli.server_process import served

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.cli.server_process import Server


@contextmanager
def serving(saved: SavedHome, *argv: str, env: Mapping[str, str] | None = None) -> Iterator[Server]:
    with served([BENTOML, *argv], {**saved.env, **(env or {})}) as server:
        yield server


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
