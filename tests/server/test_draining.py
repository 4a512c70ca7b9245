"""What SIGTERM does, in order: readiness flips, the listener closes, what has come is answered, and time is bounded."""

from __future__ import annotations

import os
import re
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server.live import LiveServer, child_of, live_server, metric, save_bundle
from tests.server.supervision.test_reload import children, wait_until
from tests.server.test_serve import assert_ended

SOURCE = """
    import asyncio
    import pathlib

    import bentoml
    from bentoml.adapters import JsonInput

    class Gated(bentoml.BentoService):
        @bentoml.api(input=JsonInput(), batch=False)
        async def wait_for_file(self, path):
            while not pathlib.Path(path).exists():
                await asyncio.sleep(0.01)
            return "through"
"""


@pytest.fixture(scope="module")
def gated_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_bundle(tmp_path_factory.mktemp("gated"), SOURCE, class_name="Gated")


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    return tmp_path / "gate"


class Waiting:
    """A connection whose call waits for a file, with two questions after it in the pipeline."""

    def __init__(self, server: LiveServer, gate: Path) -> None:
        body = f'"{gate}"'
        self.socket = socket.create_connection(("127.0.0.1", server.port), timeout=60)
        self.socket.sendall(
            f"POST /wait_for_file HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n{body}"
            "GET /livez HTTP/1.1\r\nHost: x\r\n\r\nGET /readyz HTTP/1.1\r\nHost: x\r\n\r\n".encode()
        )
        name = "BENTOML_Gated_request_in_progress"
        wait_until(lambda: metric(server, name, endpoint="/wait_for_file") == 1, "took the call", server)

    def read_all(self) -> bytes:
        with self.socket:
            received = b""
            while data := self.socket.recv(65536):
                received += data
        return received


def is_refused(server: LiveServer) -> bool:
    try:
        socket.create_connection(("127.0.0.1", server.port), timeout=60).close()
    except ConnectionError:
        return True
    return False


@pytest.mark.parametrize("options", [(), ("--workers", "2", "--preload")], ids=["one worker", "forked workers"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_to_all_processes_is_one_to_end_in_order(
    gated_bundle: Path, gate: Path, tmp_path: Path, options: tuple[str, ...], number: signal.Signals
) -> None:
    command = "serve-gunicorn" if options else "serve"
    with live_server(gated_bundle, *options, home=tmp_path / "home", command=command) as server:
        waiting = Waiting(server, gate)
        everyone = descendants(server.process.pid)
        assert len(everyone) == (4 if options else 2)
        for pid in [*everyone, server.process.pid]:
            os.kill(pid, number)
        wait_until(lambda: is_refused(server), "closed the listener", server)
        gate.touch()
        assert re.findall(rb"HTTP/1\.1 (\d+) ", waiting.read_all()) == [b"200", b"200", b"503"]
        assert server.process.wait(60) == 0
        for pid in everyone:
            assert_ended(pid)


def descendants(pid: int) -> list[int]:
    found = children(pid)
    return found + [each for child in found for each in descendants(child)]


def test_stop_flips_readiness_closes_the_listener_answers_and_exits_0(
    gated_bundle: Path, gate: Path, tmp_path: Path
) -> None:
    with live_server(gated_bundle, home=tmp_path / "home") as server:
        waiting = Waiting(server, gate)
        server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: is_refused(server), "closed the listener", server)
        gate.touch()
        answers = waiting.read_all()
        assert re.findall(rb"HTTP/1\.1 (\d+) ", answers) == [b"200", b"200", b"503"]
        assert b'"through"' in answers
        assert answers.endswith(b"The server is shutting down\n")
        assert server.process.wait(60) == 0


@pytest.fixture
def short_of_time(gated_bundle: Path, tmp_path: Path) -> Iterator[LiveServer]:
    with live_server(gated_bundle, "--grace-s", "0.4", home=tmp_path / "home") as server:
        yield server


def test_stop_gives_up_after_the_grace_time_and_says_so(short_of_time: LiveServer, gate: Path) -> None:
    waiting = Waiting(short_of_time, gate)
    assert short_of_time.stop() == 1
    assert waiting.read_all() == b""
    assert "connections are cut" in short_of_time.output()
    assert "not all requests were answered" in short_of_time.output()


def test_stop_with_an_idle_connection_and_a_short_grace_time_exits_0(short_of_time: LiveServer) -> None:
    with socket.create_connection(("127.0.0.1", short_of_time.port), timeout=60):
        assert short_of_time.client.get("/livez").status_code == 200
        assert short_of_time.stop() == 0


def test_front_that_does_not_end_is_killed_after_the_grace_time(short_of_time: LiveServer) -> None:
    everyone = children(short_of_time.process.pid)
    os.kill(child_of(short_of_time, "bentoml.server.front.front"), signal.SIGSTOP)
    assert short_of_time.stop() == 1
    assert "did not end within" in short_of_time.output()
    for pid in everyone:
        assert_ended(pid)
