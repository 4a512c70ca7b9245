"""A server keeps the configuration that it was started with, in every process, also in those that are started later."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from tests.server.live import LiveServer, live_server, save_bundle

SERVICE = """
import os

import bentoml
from bentoml.adapters import JsonInput
from bentoml.configuration import get_config


class Configured(bentoml.BentoService):
    @bentoml.api(input=JsonInput(), batch=False)
    def configured(self, obj):
        config = get_config()
        return [os.getpid(), config.bento_server.max_request_size, config.bento_server.microbatch.max_latency]
"""


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_bundle(tmp_path_factory.mktemp("configured"), SERVICE, class_name="Configured")


def ask(server: LiveServer, until: float) -> list[int]:
    """What the API answers, once a worker is there."""
    while True:
        answer = server.client.post("/configured", json=1)
        if answer.status_code == 200:
            values: list[int] = answer.json()
            return values
        assert time.monotonic() < until, answer.text
        time.sleep(0.05)  # between looks at the real thing, under a deadline


@pytest.mark.parametrize("option", ["--no-preload", "--preload"])
def test_worker_that_is_replaced_works_with_the_old_configuration(
    bundle: Path, tmp_path: Path, option: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "bentoml.yml"
    file.write_text("bento_server: {max_request_size: 1234}\n")
    monkeypatch.setenv("BENTOML__BENTO_SERVER__MICROBATCH__MAX_LATENCY", "4321")
    with live_server(bundle, option, home=tmp_path) as server:
        end_s = time.monotonic() + 60
        first, *values = ask(server, end_s)
        assert values == [1234, 4321]
        file.write_text("colour: red\n")
        os.kill(first, signal.SIGKILL)
        while (again := ask(server, end_s))[0] == first:
            assert time.monotonic() < end_s
        assert again[1:] == [1234, 4321]
        assert server.client.post("/configured", content=b" " * 1235).status_code == 413
        assert server.stop() == 0


def test_server_does_not_start_with_a_broken_configuration(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "bentoml.yml").write_text("bento_server: {port: many}\n")
    message = r"line 1: 'bento_server\.port' must be a whole number, not 'many'"
    with pytest.raises(AssertionError, match=message), live_server(bundle, home=tmp_path):
        pass
