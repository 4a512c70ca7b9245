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

from tests.server.live import LiveServer, live_server, metric, save_bundle

SERVICE = """
import asyncio
import ctypes
import os
import time

import bentoml
from bentoml.adapters import JsonInput


class Supervised(bentoml.BentoService):
    @bentoml.api(input=JsonInput(), batch=True)
    def double(self, objs):
        return [2 * obj for obj in objs]

    @bentoml.api(input=JsonInput(), batch=True)
    def fragile(self, objs):
        for obj in objs:
            if obj == "poison":
                os.kill(os.getpid(), 11)
            elif obj == "slow":
                time.sleep(1)
        return [len(obj) for obj in objs]

    @bentoml.api(input=JsonInput())
    async def fragile_coroutine(self, obj):
        await asyncio.sleep(0.5)
        if obj == "poison":
            os._exit(9)
        return len(obj)

    @bentoml.api(input=JsonInput(), idempotent=False)
    def note_and_die(self, path):
        with open(path, "a") as file:
            file.write("ran")
        os._exit(9)

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
    return httpx.post(f"{server.url}{path}", json=body, timeout=60, trust_env=False)


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
            httpx.post(f"{server.url}/sleep_for_ever", json=0, timeout=0.5, trust_env=False)
        wait_until(lambda: server.client.post("/how_many_tasks", json=0).json() == 2, server)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("path", ["/fragile", "/fragile_coroutine"])
def test_poison_in_a_crowd_is_answered_503_and_everybody_else_right(
    supervised_bundle: Path, tmp_path: Path, path: str, workers: int
) -> None:
    bodies = ["poison" if number == 5 else "x" * number for number in range(16)]
    with supervised(supervised_bundle, tmp_path, workers=workers) as server, ThreadPoolExecutor(20) as pool:
        slow = [pool.submit(ask, server, "/fragile", "slow") for _ in range(workers)]
        wait_until(lambda: metric(server, "BENTOML_Supervised_mb_request_in_progress") == workers, server)
        answers = list(pool.map(lambda body: ask(server, path, body), bodies))
        assert [answer.result().json() for answer in slow] == [4] * workers
        for body, answer in zip(bodies, answers, strict=True):
            if body == "poison":
                assert (answer.status_code, answer.text) == (503, "Service Unavailable")
                assert answer.headers["retry-after"]
            else:
                assert (answer.status_code, answer.json()) == (200, len(body))
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
