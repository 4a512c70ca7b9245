"""Workers run the examples of their APIs before they take requests, and start also when that goes wrong."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.server.live import live_server, save_bundle

SERVICE = """
import asyncio
import os
import sqlite3
import time

import bentoml
from bentoml.adapters import DataframeInput, JsonInput

MARKS = os.environ.get("MARKS")


def mark(text):
    with open(MARKS, "a") as file:
        file.write(text + "\\n")


class Warmed(bentoml.BentoService):
    def __init__(self):
        super().__init__()
        self.calls = 0
        self.connection = None

    @bentoml.api(input=JsonInput(http_input_example={"a": [1, 2]}), batch=True)
    def plain(self, objs):
        mark(f"plain {objs} {os.getpid()}")
        self.calls += 1
        return [self.calls for _ in objs]

    @bentoml.api(input=DataframeInput(http_input_example=[{"x": 1.5}]), batch=True)
    def frame(self, df):
        mark(f"frame {df['x'].tolist()} {os.getpid()}")
        return df["x"].tolist()

    @bentoml.api(input=JsonInput(http_input_example=3))
    def in_one_thread(self, obj):
        # As a library's connection would, this only works in the thread that made it.
        if self.connection is None:
            self.connection = sqlite3.connect(":memory:")
        mark(f"in_one_thread {obj} {os.getpid()}")
        return self.connection.execute(f"SELECT {obj}").fetchone()[0]

    @bentoml.api(input=JsonInput(http_input_example=7))
    async def coroutine(self, obj):
        await asyncio.sleep(0)
        mark(f"coroutine {obj} {os.getpid()}")
        return obj

    @bentoml.api(input=JsonInput(http_input_example="piece"))
    def generator(self, obj):
        mark(f"generator {obj} {os.getpid()}")
        yield obj

    @bentoml.api(input=JsonInput())
    def without(self, obj):
        mark(f"without {obj} {os.getpid()}")
        return os.getpid()
"""

TROUBLED = """
import asyncio
import time

import bentoml
from bentoml.adapters import DataframeInput, JsonInput


class Troubled(bentoml.BentoService):
    @bentoml.api(input=JsonInput(http_input_example=1))
    def raises(self, obj):
        raise ValueError("the example is wrong")

    @bentoml.api(input=JsonInput(http_input_example=1))
    async def leaves(self, obj):
        raise SystemExit("no licence")

    @bentoml.api(input=JsonInput(http_input_example="hang"))
    def hangs(self, obj):
        if obj == "hang":
            time.sleep(1000)
        return obj

    @bentoml.api(input=JsonInput(http_input_example="hang"))
    async def hangs_later(self, obj):
        if obj == "hang":
            await asyncio.sleep(1000)
        return obj
"""


def test_worker_has_run_every_example_before_it_is_ready_and_so_has_its_successor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = save_bundle(tmp_path, SERVICE, class_name="Warmed")
    marks = tmp_path / "marks"
    monkeypatch.setenv("MARKS", str(marks))
    with live_server(bundle, home=tmp_path / "home") as server:
        first = server.client.post("/without", json=0).json()
        assert sorted(marks.read_text().splitlines()) == sorted(
            [
                f"plain [{{'a': [1, 2]}}] {first}",
                f"frame [1.5] {first}",
                f"coroutine 7 {first}",
                f"in_one_thread 3 {first}",
                f"generator piece {first}",
                f"without 0 {first}",
            ]
        )
        assert server.client.post("/plain", json=0).json() == 2
        assert server.client.post("/in_one_thread", json=5).json() == 5
        os.kill(first, signal.SIGKILL)
        end_s = time.monotonic() + 60
        while (answer := server.client.post("/without", json=1)).status_code != 200:
            assert answer.status_code == 503
            assert time.monotonic() < end_s
        lines = marks.read_text().splitlines()
        assert lines.index(f"generator piece {answer.json()}") < lines.index(f"without 1 {answer.json()}")
        assert "could not be warmed up" not in server.output()


def test_example_that_fails_or_hangs_is_a_warning_and_the_server_starts(tmp_path: Path) -> None:
    bundle = save_bundle(tmp_path, TROUBLED, class_name="Troubled")
    with live_server(bundle, "--worker-timeout-s", "1.5", home=tmp_path / "home") as server:
        for path in ("hangs", "hangs_later"):
            assert server.client.post(f"/{path}", json="x").json() == "x"
        assert server.stop() == 0
    # Logs come by way of another process; at the end of the server they are complete.
    for sentence in (
        "'raises' could not be warmed up: its example is answered 500: Exception happened in API function: the ex",
        "'leaves' could not be warmed up: SystemExit: no licence",
        "'hangs' could not be warmed up: it takes longer than 1.5 seconds",
        "'hangs_later' could not be warmed up: it takes longer than 1.5 seconds",
    ):
        assert sentence in server.output()


def test_server_that_is_stopped_while_it_warms_up_ends_at_once(tmp_path: Path) -> None:
    hanging = SERVICE.replace("self.calls += 1", "time.sleep(1000)")
    bundle = save_bundle(tmp_path, hanging, class_name="Warmed")
    marks = tmp_path / "marks"
    process = subprocess.Popen(
        [sys.executable, "-m", "bentoml", "serve", str(bundle), "--port", "0", "--worker-timeout-s", "600"],
        env={**os.environ, "BENTOML_HOME": str(tmp_path / "home"), "MARKS": str(marks)},
    )
    try:
        end_s = time.monotonic() + 60
        while not (marks.exists() and "plain" in marks.read_text()):
            assert time.monotonic() < end_s
            assert process.poll() is None
        process.terminate()
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
