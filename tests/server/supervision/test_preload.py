"""Workers that are forked from one that has loaded the model: they share its memory, and live and die like others."""

from __future__ import annotations

import os
import re
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.plain_http import NO_TLS
from tests.server.live import LiveServer, live_server, metric, save_bundle
from tests.server.supervision.test_reload import children, open_files, wait_until
from tests.server.test_failures import last_line, serve_to_the_end
from tests.server.test_serve import assert_ended

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

MODEL_BYTES = 200 << 20
SOURCE = """
    import os
    import random
    import threading
    import time

    import numpy
    import bentoml
    from bentoml.adapters import JsonInput
    from bentoml.service.artifacts.common import PickleArtifact

    exec(os.environ.get("MOOD", ""))

    @bentoml.artifacts([PickleArtifact("model")])
    class Big(bentoml.BentoService):
        @bentoml.api(input=JsonInput(), batch=False)
        def total(self, obj):
            return [os.getpid(), float(self.artifacts.model.sum())]

        @bentoml.api(input=JsonInput(), batch=False)
        def hang(self, obj):
            time.sleep(600)

        @bentoml.api(input=JsonInput(), batch=False)
        def facts(self, obj):
            time.sleep(0.05)
            return {
                "pid": os.getpid(),
                "parent": os.getppid(),
                "drawn": [random.random(), float(numpy.random.rand())],
            }
"""


@pytest.fixture(scope="module")
def big_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pack = f"import numpy\nservice.pack('model', numpy.ones({MODEL_BYTES // 8}))"
    return save_bundle(tmp_path_factory.mktemp("big"), SOURCE, class_name="Big", pack=pack)


@pytest.fixture(scope="module")
def small_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_bundle(tmp_path_factory.mktemp("small"), SOURCE, class_name="Big", pack="service.pack('model', [])")


@pytest.fixture
def server(small_bundle: Path, tmp_path: Path) -> Iterator[LiveServer]:
    with live_server(small_bundle, "--workers", "2", "--preload", home=tmp_path, command="serve-gunicorn") as running:
        wait_for_workers(running)
        yield running


def wait_for_workers(server: LiveServer) -> None:
    wait_until(lambda: metric(server, "BENTOML_Big_workers") == 2, "had 2 workers", server)


def fork_servers(server: LiveServer) -> list[int]:
    return [
        pid
        for pid in children(server.process.pid)
        if "bentoml.server.supervision.fork_server" in Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8")
    ]


def facts_of(server: LiveServer, count: int) -> dict[int, dict[str, Any]]:
    """What each of the workers says of itself, by process id, once so many have been heard."""
    from concurrent.futures import ThreadPoolExecutor

    import httpx

    heard: dict[int, dict[str, Any]] = {}

    def ask(_: int) -> dict[str, Any]:
        facts: dict[str, Any] = httpx.post(
            f"{server.url}/facts", json=0, timeout=60, trust_env=False, verify=NO_TLS
        ).json()
        return facts

    def have_all_answered() -> bool:
        with ThreadPoolExecutor(4) as pool:
            heard.update({facts["pid"]: facts for facts in pool.map(ask, range(4))})
        return len(heard) >= count

    wait_until(have_all_answered, f"heard {count} workers", server)
    return heard


def memory_bytes(pid: int, name: str) -> int:
    text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    return sum(int(size) << 10 for size in re.findall(rf"^{name}: +(\d+) kB", text, re.MULTILINE))


def test_workers_share_the_memory_of_a_big_model(big_bundle: Path, tmp_path: Path) -> None:
    arguments = ("--workers", "2", "--preload")
    with live_server(big_bundle, *arguments, home=tmp_path, command="serve-gunicorn") as server:
        wait_for_workers(server)
        assert server.client.post("/total", json=0).json()[1] == MODEL_BYTES // 8
        workers = list(facts_of(server, 2))
        for pid in workers:
            own_bytes = memory_bytes(pid, "Private_Dirty") + memory_bytes(pid, "Private_Clean")
            figures = {name: memory_bytes(pid, name) >> 20 for name in ("Rss", "Pss")}
            print(f"worker {pid}: {figures}, its own {own_bytes >> 20} (MiB)")
            assert memory_bytes(pid, "Rss") > MODEL_BYTES
            assert own_bytes < MODEL_BYTES / 4
        (fork_server,) = fork_servers(server)
        together = sum(memory_bytes(pid, "Pss") for pid in (*workers, fork_server))
        assert together < 2 * MODEL_BYTES


def test_forked_workers_have_states_and_descriptors_of_their_own(server: LiveServer) -> None:
    (fork_server,) = fork_servers(server)
    first, second = facts_of(server, 2).values()
    assert first["parent"] == second["parent"] == fork_server
    assert not set(first["drawn"]) & set(second["drawn"])
    assert open_files(first["pid"]) == open_files(second["pid"])
    held = [sockets(pid) for pid in (fork_server, first["pid"], second["pid"])]
    assert sum(map(len, held)) == len(set.union(*held))


def sockets(pid: int) -> set[str]:
    links = {str(file.readlink()) for file in Path(f"/proc/{pid}/fd").iterdir()}
    return {link for link in links if link.startswith("socket:")}


def test_workers_with_many_requests_are_followed_by_forked_ones(small_bundle: Path, tmp_path: Path) -> None:
    with live_server(small_bundle, "--worker-max-requests", "10", "--preload", home=tmp_path) as server:
        (fork_server,) = fork_servers(server)
        heard = facts_of(server, 3)
        assert {facts["parent"] for facts in heard.values()} == {fork_server}


@pytest.mark.parametrize(
    ("mood", "sentence"),
    [
        ("raise ValueError('no weights')", "cannot be loaded: ValueError: no weights"),
        ("os._exit(7)", "workers died 5 times in a row; the fork server ended with exit code 7"),
        (
            "class PickleArtifact(PickleArtifact): survives_fork = False",
            "--preload does not go with 'model' (PickleArtifact): the library keeps threads",
        ),
    ],
    ids=["raises", "dies", "cannot be forked"],
)
def test_bundle_that_cannot_be_preloaded_ends_the_server_with_the_reason(
    small_bundle: Path, tmp_path: Path, mood: str, sentence: str
) -> None:
    done = serve_to_the_end(small_bundle, tmp_path, "--preload", "--workers", "2", MOOD=mood)
    assert done.returncode == 1
    assert sentence in last_line(done)


def test_worker_that_is_killed_is_forked_anew_by_the_same_server(server: LiveServer) -> None:
    (fork_server,) = fork_servers(server)
    victim, survivor = facts_of(server, 2)
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: f"Worker {victim} was ended by SIGKILL" in server.output(), "noticed", server)
    wait_for_workers(server)
    heard = facts_of(server, 2)
    assert survivor in heard
    assert victim not in heard
    assert {facts["parent"] for facts in heard.values()} == {fork_server}


def test_fork_server_that_is_killed_is_started_again_for_the_next_worker(server: LiveServer) -> None:
    (fork_server,) = fork_servers(server)
    victim, survivor = facts_of(server, 2)
    os.kill(fork_server, signal.SIGKILL)
    wait_until(lambda: "The fork server was ended by SIGKILL" in server.output(), "noticed", server)
    assert set(facts_of(server, 2)) == {victim, survivor}
    assert fork_servers(server) == []
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: len(fork_servers(server)) == 1, "started another one", server)
    wait_for_workers(server)
    heard = facts_of(server, 2)
    assert survivor in heard
    assert victim not in heard
    assert server.stop() == 0
    for pid in heard:
        assert_ended(pid)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["asked", "killed"])
def test_end_of_the_server_ends_all_its_processes(server: LiveServer, number: signal.Signals) -> None:
    everyone = [*children(server.process.pid), *facts_of(server, 2)]
    code = server.stop(number)
    assert code == (0 if number is signal.SIGTERM else -signal.SIGKILL)
    for pid in everyone:
        assert_ended(pid)


def test_death_of_the_parent_ends_workers_that_hang(server: LiveServer) -> None:
    everyone = [*children(server.process.pid), *facts_of(server, 2)]
    body = b"POST /hang HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n0"
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as client:
        client.sendall(body)
        wait_until(lambda: metric(server, "BENTOML_Big_request_in_progress", endpoint="/hang") == 1, "began", server)
        server.stop(signal.SIGKILL)
        for pid in everyone:
            assert_ended(pid)


def test_reload_takes_a_fork_server_of_its_own(server: LiveServer) -> None:
    (old_server,) = fork_servers(server)
    old = facts_of(server, 2)
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "is served now" in server.output(), "swapped", server)
    wait_until(lambda: old_server not in children(server.process.pid), "ended the old fork server", server)
    (new_server,) = fork_servers(server)
    for pid in old:
        assert_ended(pid)
    assert {facts["parent"] for facts in facts_of(server, 2).values()} == {new_server}
    assert server.stop() == 0


def moody(
    bundle: Path, home: Path, monkeypatch: pytest.MonkeyPatch, mood: str, check: Callable[[LiveServer], None]
) -> None:
    monkeypatch.setenv("MOOD", mood)
    with live_server(bundle, "--preload", home=home) as server:
        check(server)


def test_threads_in_the_fork_server_are_warned_about(
    small_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mood = "threading.Thread(target=time.sleep, args=(600,), daemon=True).start()"

    def check(server: LiveServer) -> None:
        assert re.search(r"the fork server has threads: \S+ \(1\)\. .*without --preload", server.output())
        assert facts_of(server, 1)

    moody(small_bundle, tmp_path, monkeypatch, mood, check)


def test_bundle_without_threads_is_not_warned_about(server: LiveServer) -> None:
    assert "has threads" not in server.output()
