"""One saved service with an API of each kind, and a server of it, for all tests of a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server import page_services, streaming_service
from tests.server.live import LiveServer, live_server, save_bundle

SERVICE = '''
import asyncio
import ctypes
import os
import time

import bentoml
from bentoml.adapters import DataframeInput, JsonInput
from bentoml.exceptions import InvalidArgument
from bentoml.types import InferenceResult


class Everything(bentoml.BentoService):
    """An API of each *kind*."""

    @bentoml.api(input=DataframeInput(), batch=True, mb_max_latency=5000)
    def total(self, df):
        return df.sum(axis=1).to_numpy()

    @bentoml.api(input=DataframeInput(columns=["a", "b"], dtype={"a": "int64", "b": "float64"}), batch=True)
    def columns(self, df):
        return (df["a"] * df["b"]).to_numpy()

    @bentoml.api(input=JsonInput(), batch=True)
    def picky(self, objs):
        """Fails for the item `boom`, and for whole batches that hold it."""
        time.sleep(0.05)
        if "boom" in objs:
            raise ValueError("no boom please")
        return [{"seen": obj} for obj in objs]

    @bentoml.api(input=JsonInput(), batch=False)
    def echo(self, obj, task):
        return {"obj": obj, "id": task.task_id, "method": task.http_method}

    @bentoml.api(input=JsonInput(), batch=False, route="odd/$~!@%^&*()[]|;:,.route")
    def odd(self, obj):
        return obj

    @bentoml.api(input=JsonInput(), batch=False)
    async def wait_for(self, seconds):
        await asyncio.sleep(seconds)
        return seconds

    @bentoml.api(input=JsonInput(), batch=True, mb_max_latency=400)
    def hurried(self, objs):
        time.sleep(max(objs))
        return objs

    @bentoml.api(input=JsonInput(), batch=False)
    def refuse(self, obj):
        raise InvalidArgument("not this one")

    @bentoml.api(input=JsonInput(), batch=False)
    def die(self, obj):
        os._exit(9)

    @bentoml.api(input=JsonInput(), batch=False)
    def fork_and_die(self, pid_file):
        forked = os.fork()
        if forked == 0:
            time.sleep(60)
            os._exit(0)
        with open(pid_file, "a") as file:
            print(forked, file=file)
        os._exit(9)

    @bentoml.api(input=JsonInput(), batch=False)
    def leave(self, obj):
        raise SystemExit(obj)

    @bentoml.api(input=JsonInput(), batch=False)
    async def leave_later(self, obj):
        raise SystemExit(obj)

    @bentoml.api(input=JsonInput(), batch=True)
    def status(self, objs):
        return [InferenceResult(data="body", http_status=obj) for obj in objs]

    @bentoml.api(input=JsonInput(), batch=False)
    def length(self, text):
        return len(text)

    @bentoml.api(input=JsonInput(), batch=False)
    def hold_the_interpreter(self, seconds):
        ctypes.PyDLL(None).sleep(seconds)

    @bentoml.api(input=JsonInput(), batch=False)
    def pid(self, obj):
        return os.getpid()
'''


@pytest.fixture(scope="session")
def everything_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_bundle(tmp_path_factory.mktemp("everything"), SERVICE, class_name="Everything")


@pytest.fixture(scope="module")
def server(everything_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with live_server(everything_bundle, home=tmp_path_factory.mktemp("server-home")) as running:
        yield running


@pytest.fixture(scope="session")
def stream_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_bundle(tmp_path_factory.mktemp("streams"), streaming_service.SERVICE, class_name="Streams")


@pytest.fixture(scope="session")
def flowers_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_bundle(tmp_path_factory.mktemp("flowers"), page_services.FLOWERS, class_name="FlowerClassifier")


@pytest.fixture(scope="session")
def flowers(flowers_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with live_server(flowers_bundle, home=tmp_path_factory.mktemp("flowers-home")) as running:
        yield running


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    bundle = save_bundle(tmp_path_factory.mktemp("hostile"), page_services.HOSTILE, class_name="Hostile")
    page_services.make_document_hostile(bundle / "docs.json")
    with live_server(bundle, "--no-verify", home=tmp_path_factory.mktemp("hostile-home")) as running:
        yield running
