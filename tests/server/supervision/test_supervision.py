"""Workers that are stopped, silent, hung or killed under a real server: replaced in time, and no call is lost."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from bentoml._util.cpus import cpu_count
from bentoml._util.worker_threads import thread_limits
from tests.plain_http import NO_TLS
from tests.server.live import LiveServer, live_server, metric, save_bundle

SERVICE = """
import asyncio
import ctypes
import os
import signal
import time

import bentoml
from bentoml.adapters import JsonInput


class Supervised(bentoml.BentoService):
    @bentoml.api(input=JsonInput(), batch=True)
    def double(self, objs):
        return [2 * obj for obj in objs]

    @bentoml.api(input=JsonInput(), batch=True, mb_max_latency=60000)
    def fragile(self, objs):
        while not all(os.path.exists(obj["gate"]) for obj in objs):
            time.sleep(0.01)
        if any(obj["text"] == "poison" for obj in objs):
            signal.raise_signal(signal.SIGSEGV)
        return [len(obj["text"]) for obj in objs]

    @bentoml.api(input=JsonInput())
    async def fragile_coroutine(self, obj):
        while not os.path.exists(obj["gate"]):
            await asyncio.sleep(0.01)
        # All calls are past the gate before one of them ends the process.
        await asyncio.sleep(0.2)
        if obj["text"] == "poison":
            os._exit(9)
        return len(obj["text"])

    @bentoml.api(input=JsonInput(), idempotent=False)
    def note_and_die(self, path):
        with open(path, "a") as file:
            file.write("ran")
        os._exit(9)

    @bentoml.api(input=JsonInput())
    def grow(self, size_bytes):
        self.kept = b"x" * size_bytes
        return os.getpid()

    @bentoml.api(input=JsonInput())
    def pid(self, obj):
        return os.getpid()

    @bentoml.api(input=JsonInput())
    def sleep_once(self, path):
        # Only the first one to come sleeps.
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return os.getpid()
        time.sleep(120)

    @bentoml.api(input=JsonInput())
    def hold_the_interpreter_once(self, path):
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return os.getpid()
        ctypes.PyDLL(None).sleep(120)

    @bentoml.api(input=JsonInput())
    async def sleep_for_ever(self, obj):
        await asyncio.sleep(1000)

    @bentoml.api(input=JsonInput())
    async def how_many_tasks(self, obj):
        return len(asyncio.all_tasks())
"""


@pytest.fixture(scope="module")
def supervised_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_bundle(tmp_path_factory.mktemp("supervised"), SERVICE, class_name="Supervised")


@contextmanager
def supervised(bundle: Path, home: Path, *arguments: str, workers: int = 1) -> Iterator[LiveServer]:
    with live_server(bundle, "--workers", str(workers), *arguments, home=home, command="serve-gunicorn") as server:
        wait_until(lambda: metric(server, "BENTOML_Supervised_workers") == workers, server)
        yield server


def wait_until(condition: Any, server: LiveServer, limit_s: float = 60) -> None:
    """Look at the real thing again and again, under a limit."""
    end_s = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end_s, server.output()
        time.sleep(0.02)


def restarts(server: LiveServer, reason: str) -> float:
    return metric(server, "BENTOML_Supervised_worker_restarts_total", reason=reason)


def ask(server: LiveServer, path: str, body: Any) -> httpx.Response:
    return httpx.post(f"{server.url}{path}", json=body, timeout=60, trust_env=False, verify=NO_TLS)


def test_stopped_worker_is_replaced_and_its_call_answered_by_another(supervised_bundle: Path, tmp_path: Path) -> None:
    with supervised(supervised_bundle, tmp_path, workers=2) as server, ThreadPoolExecutor(20) as pool:
        stopped = server.client.post("/pid", json=0).json()
        os.kill(stopped, signal.SIGSTOP)
        answers: list[Future[httpx.Response]] = [pool.submit(ask, server, "/double", turn) for turn in range(20)]
        assert [answer.result().json() for answer in answers] == [2 * turn for turn in range(20)]
        wait_until(lambda: restarts(server, "stopped") == 1, server)
        wait_until(lambda: metric(server, "BENTOML_Supervised_workers") == 2, server)
        assert not Path(f"/proc/{stopped}").exists()
        assert "is stopped and does not answer" in server.output()


def test_only_worker_that_is_stopped_is_replaced_and_its_call_waits_for_the_next(
    supervised_bundle: Path, tmp_path: Path
) -> None:
    with supervised(supervised_bundle, tmp_path) as server, ThreadPoolExecutor(1) as pool:
        stopped = server.client.post("/pid", json=0).json()
        os.kill(stopped, signal.SIGSTOP)
        answer = pool.submit(ask, server, "/pid", 0)
        assert answer.result().status_code == 200
        assert answer.result().json() != stopped


@pytest.mark.parametrize(
    ("path", "reason"), [("/sleep_once", "hung"), ("/hold_the_interpreter_once", "silent")], ids=["hung", "silent"]
)
def test_worker_whose_call_never_ends_is_replaced_and_the_call_tried_once_more(
    supervised_bundle: Path, tmp_path: Path, path: str, reason: str
) -> None:
    with supervised(supervised_bundle, tmp_path / "home", "--worker-timeout-s", "2") as server:
        first = server.client.post("/pid", json=0).json()
        answer = ask(server, path, str(tmp_path / "once"))
        assert (answer.status_code, answer.json() != first) == (200, True)
        wait_until(lambda: restarts(server, reason) == 1, server)
        assert not Path(f"/proc/{first}").exists()


def test_coroutines_that_never_end_are_cancelled_at_their_deadline_and_their_places_come_back(
    supervised_bundle: Path, tmp_path: Path
) -> None:
    with (
        supervised(supervised_bundle, tmp_path, "--timeout", "2", "--worker-timeout-s", "30") as server,
        ThreadPoolExecutor(140) as pool,
    ):
        first = server.client.post("/pid", json=0).json()
        answers = list(pool.map(lambda _: ask(server, "/sleep_for_ever", 0), range(140)))
        assert {answer.status_code for answer in answers} == {408}
        wait_until(lambda: server.client.post("/how_many_tasks", json=0).json() == 2, server)
        assert ask(server, "/sleep_for_ever", 0).status_code == 408
        assert server.client.post("/pid", json=0).json() == first


def test_coroutine_of_a_client_that_left_is_cancelled(supervised_bundle: Path, tmp_path: Path) -> None:
    with supervised(supervised_bundle, tmp_path) as server:
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(f"{server.url}/sleep_for_ever", json=0, timeout=0.5, trust_env=False, verify=NO_TLS)
        wait_until(lambda: server.client.post("/how_many_tasks", json=0).json() == 2, server)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("path", ["/fragile", "/fragile_coroutine"])
def test_poison_in_a_crowd_is_answered_503_and_everybody_else_right(
    supervised_bundle: Path, tmp_path: Path, path: str, workers: int
) -> None:
    texts = ["poison" if number == 5 else "x" * number for number in range(16)]
    gate = tmp_path / "gate"

    def is_in_progress(count: int) -> bool:
        return metric(server, "BENTOML_Supervised_mb_request_in_progress") == count

    with supervised(supervised_bundle, tmp_path, workers=workers) as server, ThreadPoolExecutor(20) as pool:
        first = []
        for number in range(workers):
            # Each worker's thread is taken, so that what comes later is one batch.
            first.append(pool.submit(ask, server, "/fragile", {"gate": str(gate), "text": "first"}))
            wait_until(lambda number=number: is_in_progress(number + 1), server)
        asking = [pool.submit(ask, server, path, {"gate": str(gate), "text": text}) for text in texts]
        wait_until(lambda: is_in_progress(workers + 16), server)
        gate.touch()
        assert [each.result().json() for each in first] == [5] * workers
        for text, answer in zip(texts, [each.result() for each in asking], strict=True):
            if text == "poison":
                assert (answer.status_code, answer.text) == (503, "Service Unavailable")
                assert answer.headers["retry-after"]
            else:
                assert (answer.status_code, answer.text) == (200, str(len(text)))
        wait_until(lambda: metric(server, "BENTOML_Supervised_workers") == workers, server)
        assert restarts(server, "crashed") >= 2
        assert server.stop() == 0


def test_call_that_must_not_run_twice_runs_once(supervised_bundle: Path, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    with supervised(supervised_bundle, tmp_path / "home", workers=2) as server:
        assert ask(server, "/note_and_die", str(notes)).status_code == 503
        wait_until(lambda: metric(server, "BENTOML_Supervised_workers") == 2, server)
    assert notes.read_text() == "ran"


def test_killed_worker_costs_no_request(supervised_bundle: Path, tmp_path: Path) -> None:
    with supervised(supervised_bundle, tmp_path, workers=2) as server, ThreadPoolExecutor(8) as pool:
        victim = server.client.post("/pid", json=0).json()

        def ask_some(number: int) -> list[bool]:
            return [
                ask(server, "/double", number * 100 + turn).json() == 2 * (number * 100 + turn) for turn in range(40)
            ]

        asking = [pool.submit(ask_some, number) for number in range(8)]
        os.kill(victim, signal.SIGKILL)
        assert all(all(each.result()) for each in asking)
        wait_until(lambda: restarts(server, "crashed") == 1, server)


def ask_until(
    condition: Any, server: LiveServer, pool: ThreadPoolExecutor, *, clients: int = 4, limit_s: float = 60
) -> set[int]:
    """Ask for the worker's process id without a pause until something holds; every answer must be 200."""
    is_over = False

    def keep_asking() -> set[int]:
        seen = set()
        with httpx.Client(base_url=server.url, timeout=30, trust_env=False, verify=NO_TLS) as client:
            while not is_over:
                answer = client.post("/pid", json=0)
                assert answer.status_code == 200, answer.text
                seen.add(answer.json())
        return seen

    asking = [pool.submit(keep_asking) for _ in range(clients)]
    try:
        wait_until(condition, server, limit_s)
    finally:
        is_over = True
    return set().union(*(each.result() for each in asking))


@pytest.mark.parametrize("workers", [1, 2])
def test_planned_recycling_loses_no_request_and_keeps_the_number_of_workers(
    supervised_bundle: Path, tmp_path: Path, workers: int
) -> None:
    arguments = ("--worker-max-requests", "50")
    with supervised(supervised_bundle, tmp_path, *arguments, workers=workers) as server, ThreadPoolExecutor(4) as pool:
        counts = set()

        def has_recycled() -> bool:
            counts.add(metric(server, "BENTOML_Supervised_workers"))
            return restarts(server, "recycled") >= 3

        assert len(ask_until(has_recycled, server, pool)) >= 4
        assert min(counts) >= workers
        assert max(counts) <= workers + 2
        assert restarts(server, "crashed") == 0
        assert server.stop() == 0


def test_worker_over_the_ceiling_is_replaced_once_its_successor_is_ready(
    supervised_bundle: Path, tmp_path: Path
) -> None:
    with (
        supervised(supervised_bundle, tmp_path, "--worker-max-rss-bytes", str(400 << 20)) as server,
        ThreadPoolExecutor(4) as pool,
    ):
        large = ask(server, "/grow", 500 << 20).json()
        seen = ask_until(lambda: restarts(server, "memory") == 1, server, pool)
        wait_until(lambda: not Path(f"/proc/{large}").exists(), server)
        seen |= ask_until(lambda: True, server, pool)
        assert len(seen | {large}) == 2
        assert restarts(server, "crashed") == 0


def test_ceiling_that_every_worker_is_over_causes_no_storm(supervised_bundle: Path, tmp_path: Path) -> None:
    with supervised(supervised_bundle, tmp_path, "--worker-max-rss-bytes", "1000000") as server:
        wait_until(lambda: "right after their start" in server.output(), server)
        first = server.client.post("/pid", json=0).json()
        wait_until(lambda: not Path(f"/proc/{first}").exists(), server)
        assert server.client.post("/pid", json=0).status_code == 200
        assert restarts(server, "memory") == 1
        assert server.output().count("Raise the limit") == 1


def variables_of(pid: int) -> dict[str, str]:
    pairs = Path(f"/proc/{pid}/environ").read_text(encoding="utf-8").split("\0")
    return dict(pair.split("=", 1) for pair in pairs if pair)


def test_threads_of_all_workers_together_fill_the_cpus_once(
    supervised_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in thread_limits(1, 1, {}):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MKL_NUM_THREADS", "7")
    with supervised(supervised_bundle, tmp_path, workers=2) as server:
        variables = variables_of(server.client.post("/pid", json=0).json())
    assert int(variables["OMP_NUM_THREADS"]) == max(1, cpu_count() // 2)
    assert variables["MKL_NUM_THREADS"] == "7"
    assert "MALLOC_TRIM_THRESHOLD_" in variables


def test_0_workers_is_one_per_cpu(supervised_bundle: Path, tmp_path: Path) -> None:
    with live_server(supervised_bundle, "--workers", "0", home=tmp_path, command="serve-gunicorn") as server:
        wait_until(lambda: metric(server, "BENTOML_Supervised_workers") == cpu_count(), server)
