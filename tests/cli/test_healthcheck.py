"""`bentoml healthcheck` asks the right port, over TLS too, and says whether the server can answer."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from bentoml.cli import healthcheck
from bentoml.cli.main import commandline_interface

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Health(BaseHTTPRequestHandler):
    """Answers /healthz with the status of its server."""

    def do_GET(self) -> None:
        status: int = self.server.status  # type: ignore[attr-defined]
        self.send_response(status if self.path == "/healthz" else 404)
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[HTTPServer]:
    with HTTPServer(("127.0.0.1", 0), Health) as found:
        found.status = 200  # type: ignore[attr-defined]
        thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield found
        found.shutdown()
        thread.join()


def check(*words: str, **env: str) -> tuple[int, str]:
    result = CliRunner(env=env).invoke(commandline_interface, ["healthcheck", *words], prog_name="bentoml")
    return result.exit_code, result.output


def test_healthcheck_of_a_server_that_can_answer_exits_with_0(server: HTTPServer) -> None:
    port = str(server.server_port)
    assert check("--port", port) == (0, f"the server on port {port} can answer\n")


def test_healthcheck_when_quiet_says_by_its_exit_code_that_the_server_can_answer(server: HTTPServer) -> None:
    assert check("--quiet", "--port", str(server.server_port)) == (0, "")


def test_healthcheck_of_a_server_that_cannot_exits_with_1(server: HTTPServer) -> None:
    server.status = 503  # type: ignore[attr-defined]
    code, output = check("--port", str(server.server_port))
    assert code == 1
    assert "answers with status 503" in output


@pytest.mark.parametrize("variable", ["PORT", "BENTOML_PORT", "BENTOML__BENTO_SERVER__PORT"])
def test_healthcheck_in_a_container_takes_the_port_of_its_variables(
    server: HTTPServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str
) -> None:
    monkeypatch.setattr(healthcheck, "_FIRST_PROCESS", tmp_path / "none")
    monkeypatch.delenv("PORT", raising=False)
    assert check(**{variable: str(server.server_port)})[0] == 0


@pytest.mark.parametrize(
    "words",
    [
        ["bentoml", "serve-gunicorn", "--port", "{port}", "/b"],
        ["catatonit", "--", "./docker-entrypoint.sh", "--workers", "2", "--port={port}"],
        ["bentoml", "serve-gunicorn", "-p", "{port}", "/b"],
        ["bentoml", "serve-gunicorn", "-p{port}", "/b"],
    ],
)
def test_healthcheck_in_a_container_takes_the_port_of_its_command_line(
    server: HTTPServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, words: list[str]
) -> None:
    line = tmp_path / "cmdline"
    line.write_text("".join(f"{word}\0" for word in words).format(port=server.server_port))
    monkeypatch.setattr(healthcheck, "_FIRST_PROCESS", line)
    assert check(PORT="1", BENTOML_PORT="1")[0] == 0


def test_healthcheck_of_a_server_with_tls_speaks_tls(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, server: HTTPServer
) -> None:
    line = tmp_path / "cmdline"
    line.write_text("bentoml\0serve-gunicorn\0--ssl-certfile\0/c\0")
    monkeypatch.setattr(healthcheck, "_FIRST_PROCESS", line)
    # This one does not, so the handshake fails.
    code, output = check("--port", str(server.server_port), "--timeout", "2")
    assert code == 1
    assert "no server answers" in output
