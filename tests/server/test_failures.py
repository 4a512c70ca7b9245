"""What goes wrong around a server: workers that die, bundles that cannot start, places that cannot be used."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.plain_http import NO_TLS
from tests.server.live import LiveServer, child_of, live_server, metric, save_bundle

# What the module does on import is said by the environment, once the bundle is saved.
MOODY = """
    import os
    import threading
    import time

    import bentoml
    from bentoml.adapters import JsonInput

    exec(os.environ.get("MOOD", ""))

    class Moody(bentoml.BentoService):
        @bentoml.api(input=JsonInput())
        def predict(self, obj):
            return obj
"""


@pytest.fixture(scope="module")
def moody_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_bundle(tmp_path_factory.mktemp("moody"), MOODY, class_name="Moody")


def serve_to_the_end(bundle: Path, home: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bentoml", "serve", str(bundle), "--port", "0", *arguments],
        env={**os.environ, "BENTOML_HOME": str(home), **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def last_line(done: subprocess.CompletedProcess[str]) -> str:
    return done.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize(
    ("mood", "sentence"),
    [
        ("raise SystemExit('no licence')", "cannot be loaded: SystemExit: no licence"),
        ("raise ValueError('x' * 3_000_000)", "cannot be loaded: ValueError: xxx"),
        ("os._exit(7)", "workers died 5 times in a row; the last one ended with exit code 7"),
        ("os.kill(os.getpid(), 9)", "workers died 5 times in a row; the last one was ended by SIGKILL"),
    ],
    ids=["sys.exit", "endless-reason", "exit", "killed"],
)
def test_bundle_that_cannot_start_ends_the_server_with_the_reason(
    moody_bundle: Path, tmp_path: Path, mood: str, sentence: str
) -> None:
    done = serve_to_the_end(moody_bundle, tmp_path, MOOD=mood)
    assert done.returncode == 1
    assert sentence in last_line(done)
    assert len(last_line(done)) < 10_000


def test_worker_that_dies_again_and_again_without_work_ends_the_server(moody_bundle: Path, tmp_path: Path) -> None:
    mood = "threading.Thread(target=lambda: (time.sleep(0.3), os._exit(7))).start()"
    done = serve_to_the_end(moody_bundle, tmp_path, MOOD=mood)
    assert done.returncode == 1
    assert "workers died 5 times in a row" in last_line(done)


def test_document_of_a_bundle_that_cannot_be_read_ends_the_server_with_the_reason(tmp_path: Path) -> None:
    bundle = save_bundle(tmp_path, MOODY, class_name="Moody")
    (bundle / "docs.json").write_text("{broken", encoding="utf-8")
    done = serve_to_the_end(bundle, tmp_path / "home", "--no-verify")
    assert done.returncode == 1
    assert "docs.json cannot be read" in last_line(done)


def answers(server: LiveServer) -> bool:
    return httpx.post(f"{server.url}/total", json=[[1, 2]], timeout=30, verify=NO_TLS).status_code == 200


def wait_until_it_answers(server: LiveServer) -> None:
    end_s = time.monotonic() + 30
    while not answers(server):
        assert time.monotonic() < end_s, server.output()


def test_requests_that_kill_their_worker_never_end_the_server(everything_bundle: Path, tmp_path: Path) -> None:
    with live_server(everything_bundle, home=tmp_path) as server:
        for _ in range(4):
            assert server.client.post("/die", json=0).status_code == 503
            wait_until_it_answers(server)
        assert server.stop() == 0


def test_worker_that_leaves_a_forked_process_behind_is_missed_at_once(everything_bundle: Path, tmp_path: Path) -> None:
    pid_file = tmp_path / "forked"
    with live_server(everything_bundle, home=tmp_path / "home") as server:
        began_s = time.monotonic()
        try:
            assert server.client.post("/fork_and_die", json=str(pid_file)).status_code == 503
            wait_until_it_answers(server)
        finally:
            for forked in pid_file.read_text(encoding="ascii").split():
                os.kill(int(forked), signal.SIGKILL)
        assert time.monotonic() - began_s < 25


def test_long_temporary_directory_is_no_obstacle(
    everything_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("d" * 120)
    long.mkdir()
    monkeypatch.setenv("TMPDIR", str(long))
    with live_server(everything_bundle, home=tmp_path / "home") as server:
        assert answers(server)
    assert list(long.iterdir()) == []


def test_server_leaves_nothing_in_the_temporary_directory(
    everything_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    for number in (signal.SIGTERM, signal.SIGKILL):
        with live_server(everything_bundle, home=tmp_path / "home") as server:
            assert len(list(tmp_path.glob("bentoml-*"))) == 1
            server.stop(number)
            end_s = time.monotonic() + 10
            while list(tmp_path.glob("bentoml-*")):
                assert time.monotonic() < end_s


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_second_signal_ends_at_once_and_tells_that_requests_were_cut_off(
    everything_bundle: Path, tmp_path: Path, number: signal.Signals, exit_code: int
) -> None:
    with live_server(everything_bundle, home=tmp_path) as server, ThreadPoolExecutor(1) as pool:
        answer = pool.submit(httpx.post, f"{server.url}/wait_for", json=50, timeout=60)
        wait_for(lambda: metric(server, "BENTOML_Everything_request_in_progress", endpoint="/wait_for") == 1)
        worker = child_of(server, "bentoml.server.workers.worker")
        server.process.send_signal(number)
        # The front listens no more, so it has heard of the first signal.
        wait_for(lambda: not is_listening(server.port))
        assert server.process.poll() is None
        assert server.stop(number) == exit_code
        with pytest.raises(httpx.TransportError):
            answer.result()
        assert has_ended(worker)


def test_second_signal_that_cuts_nothing_off_leaves_the_exit_code_0(everything_bundle: Path, tmp_path: Path) -> None:
    with live_server(everything_bundle, home=tmp_path) as server, socket.create_connection(("127.0.0.1", server.port)):
        server.process.send_signal(signal.SIGTERM)
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(30) == 0


def test_killed_parent_takes_along_workers_that_are_stopped_or_hold_the_interpreter(
    everything_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with (
        live_server(everything_bundle, "--workers", "3", home=tmp_path / "home", command="serve-gunicorn") as server,
        ThreadPoolExecutor(1) as pool,
    ):
        wait_for(lambda: metric(server, "BENTOML_Everything_workers") == 3)
        children = children_of(server)
        assert len(children) == 4
        held = pool.submit(httpx.post, f"{server.url}/hold_the_interpreter", json=100, timeout=60)
        wait_for(lambda: metric(server, "BENTOML_Everything_mb_request_in_progress") == 1)
        stopped = server.client.post("/pid", json=0).json()
        os.kill(stopped, signal.SIGSTOP)
        server.stop(signal.SIGKILL)
        wait_for(lambda: all(has_ended(pid) for pid in children))
        wait_for(lambda: not list(tmp_path.glob("bentoml-*")))
        # The front may notice the end of the worker first, and say that.
        assert isinstance(held.exception(), httpx.TransportError) or held.result().status_code >= 500


def wait_for(condition: Callable[[], bool], limit_s: float = 30) -> None:
    end_s = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.02)  # between looks at the real thing, under a limit


def is_listening(port: int) -> bool:
    """Whether a socket listens on the port, by the table of the system."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]]
    return any(row[1].endswith(f":{port:04X}") and row[3] == "0A" for row in rows)


def has_ended(pid: int) -> bool:
    try:
        return "(zombie)" in Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return True


def children_of(server: LiveServer) -> list[int]:
    path = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
    return [int(pid) for pid in path.read_text(encoding="ascii").split()]
