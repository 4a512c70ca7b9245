"""Large bodies under a real server: each arrives whole, also when workers are killed, and no memory file is left."""

from __future__ import annotations

import hashlib
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.plain_http import NO_TLS
from tests.server.live import LiveServer, child_of, live_server, memory_files, metrics_at_once, save_bundle

SERVICE = """
import asyncio
import hashlib
import os

import bentoml
from bentoml.adapters import JsonInput
from bentoml.types import InferenceTask


class BytesInput(JsonInput):
    def from_http_request(self, req):
        return InferenceTask(data=bytes(req.body), http_headers=req.headers)

    def extract_user_func_args(self, tasks):
        return ([task.data for task in tasks],)


class Digests(bentoml.BentoService):
    @bentoml.api(input=BytesInput(), batch=True)
    def plain(self, bodies):
        return [hashlib.sha256(body).hexdigest() for body in bodies]

    @bentoml.api(input=BytesInput(), batch=True)
    async def coroutine(self, bodies):
        await asyncio.sleep(0.01)
        return [hashlib.sha256(body).hexdigest() for body in bodies]

    @bentoml.api(input=JsonInput())
    def pid(self, obj):
        return os.getpid()
"""


@pytest.fixture(scope="module")
def digests_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_bundle(tmp_path_factory.mktemp("digests"), SERVICE, class_name="Digests")


@pytest.fixture
def server(digests_bundle: Path, tmp_path: Path) -> Iterator[LiveServer]:
    with live_server(digests_bundle, "--workers", "2", home=tmp_path, command="serve-gunicorn") as running:
        wait_for_workers(running)
        yield running


def wait_for_workers(server: LiveServer, restarts: int = 0) -> None:
    end_s = time.monotonic() + 60
    names = ("BENTOML_Digests_workers", "BENTOML_Digests_worker_restarts_total")
    while metrics_at_once(server, *names) != [2, restarts]:
        assert time.monotonic() < end_s, server.output()
        time.sleep(0.02)  # between looks at the real thing, under a limit


def is_right(server: LiveServer, path: str, number: int, size_bytes: int) -> bool:
    """Whether a body of its own gets the answer that is due to it."""
    body = hashlib.sha256(f"{path} {number}".encode()).digest() * (size_bytes // 32 + 1)
    answer = httpx.post(f"{server.url}{path}", content=body, timeout=60, trust_env=False, verify=NO_TLS)
    assert answer.status_code == 200, answer.text
    return bool(answer.json() == hashlib.sha256(body).hexdigest())


@pytest.mark.parametrize("path", ["/plain", "/coroutine"])
def test_bodies_of_all_sizes_at_once_are_answered_each_with_its_own(server: LiveServer, path: str) -> None:
    sizes = [10, 60_000, 70_000, 130_000, 140_000, 1_000_000, 5_000_000, 20_000_000] * 4
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(lambda pair: is_right(server, path, *pair), enumerate(sizes)))
    if hasattr(os, "memfd_create"):
        assert max(memory_files(child_of(server, "bentoml.server.front.front"))) >= 5_000_000


def test_large_bodies_of_killed_workers_are_answered_and_their_slots_freed(server: LiveServer) -> None:
    front = child_of(server, "bentoml.server.front.front")
    with ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(is_right, server, "/coroutine", number, 1_000_000) for number in range(300)]
        for deaths in (1, 2):
            os.kill(server.client.post("/pid", json=0).json(), signal.SIGKILL)
            wait_for_workers(server, deaths)
        assert all(answer.result() for answer in answers)
    before = len(memory_files(front))
    for deaths in (3, 4):
        os.kill(server.client.post("/pid", json=0).json(), signal.SIGKILL)
        wait_for_workers(server, deaths)
    assert len(memory_files(front)) <= before
    workers = [server.client.post("/pid", json=0).json() for _ in range(8)]
    assert [memory_files(worker) for worker in set(workers)] == [[]] * len(set(workers))
