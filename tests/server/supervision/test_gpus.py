"""Workers that see one GPU each; that needs no GPU, as they are told by variables."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.server.live import LiveServer, live_server, save_bundle

SOURCE = """
    import os
    import time

    import bentoml
    from bentoml.adapters import JsonInput
    from bentoml.service.artifacts.common import JSONArtifact

    SEEN_AT_IMPORT = os.environ.get("CUDA_VISIBLE_DEVICES")

    @bentoml.artifacts([JSONArtifact("model")])
    class Seer(bentoml.BentoService):
        @bentoml.api(input=JsonInput(), batch=False)
        def see(self, obj):
            time.sleep(0.1)
            return [os.getpid(), SEEN_AT_IMPORT, self.artifacts["model"].chosen_device()]
"""
LIMIT_S = 60.0


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_bundle(tmp_path_factory.mktemp("seer"), SOURCE, class_name="Seer", pack="service.pack('model', 1)")


@pytest.fixture(autouse=True)
def visible(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7,8,9")
    monkeypatch.delenv("BENTOML_DEVICE", raising=False)


@pytest.fixture
def server(bundle: Path, tmp_path: Path) -> Iterator[LiveServer]:
    arguments = ("--gpus", "0,2", "--workers", "4")
    with live_server(bundle, *arguments, home=tmp_path, command="serve-gunicorn") as running:
        yield running


def ask(server: LiveServer) -> list[Any]:
    answer = server.client.post("/see", json=0)
    assert answer.status_code == 200, answer.text
    seen: list[Any] = answer.json()
    return seen


def seen_by_workers(server: LiveServer, count: int, without: int | None = None) -> dict[int, str]:
    """The GPU that each of so many workers sees, by process id; asks until all of them have answered."""
    gpus: dict[int, str] = {}
    deadline = time.monotonic() + LIMIT_S
    while len(gpus) < count:
        assert time.monotonic() < deadline, gpus
        with ThreadPoolExecutor(8) as pool:
            for pid, gpu, device in pool.map(lambda _: ask(server), range(8)):
                assert device == "cuda"
                if pid != without:
                    gpus[pid] = gpu
    return gpus


def test_workers_are_shared_out_and_a_successor_sees_the_same_gpu(server: LiveServer) -> None:
    gpus = seen_by_workers(server, 4)
    assert sorted(gpus.values()) == ["7", "7", "9", "9"]
    victim = next(iter(gpus))
    os.kill(victim, signal.SIGKILL)
    after = seen_by_workers(server, 4, without=victim)
    assert sorted(after.values()) == ["7", "7", "9", "9"]
    (successor,) = after.keys() - gpus.keys()
    assert after[successor] == gpus[victim]


def test_serve_starts_a_worker_for_each_gpu(bundle: Path, tmp_path: Path) -> None:
    with live_server(bundle, "--gpus", "0,2", home=tmp_path, command="serve") as server:
        assert sorted(seen_by_workers(server, 2).values()) == ["7", "9"]
