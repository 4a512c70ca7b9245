"""The server a notebook starts beside itself."""

from __future__ import annotations

import gc
import importlib
import json
import logging
import re
import sys
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bentoml import BentoService

SOURCE = """
import bentoml
from bentoml.adapters import JsonInput
from bentoml.service.artifacts.common import PickleArtifact

@bentoml.artifacts([PickleArtifact("factor")])
class DevTimes(bentoml.BentoService):
    @bentoml.api(input=JsonInput(), batch=True)
    def times(self, values):
        return [value * self.artifacts.factor for value in values]
"""
DEADLINE_S = 60.0


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[BentoService]:
    (tmp_path / "dev_times.py").write_text(SOURCE, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    created: BentoService = importlib.import_module("dev_times").DevTimes().pack("factor", 3)
    yield created
    created.stop_dev_server(skip_log=True)
    del sys.modules["dev_times"]


def wait_for_line(caplog: pytest.LogCaptureFixture, pattern: str) -> re.Match[str]:
    """The first logged line that matches."""
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        for record in list(caplog.records):
            if found := re.search(pattern, record.getMessage()):
                return found
        time.sleep(0.02)
    raise AssertionError(f"no line like {pattern!r} in:\n{caplog.text}")


def child_of(service: BentoService) -> Any:
    server = service._dev_server
    assert server is not None
    return server._child


def test_start_dev_server_answers_requests_until_stopped(
    service: BentoService, caplog: pytest.LogCaptureFixture, bentoml_home: Path
) -> None:
    caplog.set_level(logging.INFO, "bentoml")
    # No index of packages is asked for a bundle that nobody keeps.
    (bentoml_home / "bentoml.yml").write_text("bento_bundle: {lock: hashes, lock_timeout_s: 0.001}\n")
    service.start_dev_server(port=0)
    port = wait_for_line(caplog, r"Serving DevTimes:\S+ on http://\S+:(\d+)").group(1)
    request = urllib.request.Request(f"http://127.0.0.1:{port}/times", data=b"14")
    with urllib.request.urlopen(request, timeout=DEADLINE_S) as response:
        assert json.loads(response.read()) == 42

    first = child_of(service)
    service.start_dev_server(port=0)
    assert "already running" in caplog.text
    assert child_of(service) is first

    bundle = Path(first._directory.name)
    assert bundle.is_dir()
    service.stop_dev_server()
    assert first._process.returncode == 0
    assert not bundle.exists()
    assert "Dev server stopped" in caplog.text


def test_server_that_ends_by_itself_can_be_started_again(
    service: BentoService, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "bentoml")
    service.start_dev_server(port=0)
    child = child_of(service)
    child._process.kill()
    child._process.wait(DEADLINE_S)
    service.start_dev_server(port=0)
    assert child_of(service) is not child
    assert child_of(service).is_running
    assert not Path(child._directory.name).exists()


def test_server_stops_when_the_service_is_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dev_dropped.py").write_text(SOURCE, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    service: BentoService = importlib.import_module("dev_dropped").DevTimes().pack("factor", 3)
    service.start_dev_server(port=0)
    monkeypatch.delitem(sys.modules, "dev_dropped")
    process = child_of(service)._process
    del service
    gc.collect()
    assert process.returncode is not None


def test_stop_dev_server_when_none_is_running_says_so(service: BentoService, caplog: pytest.LogCaptureFixture) -> None:
    service.stop_dev_server()
    service.stop_dev_server(skip_log=True)
    assert [record.getMessage() for record in caplog.records] == ["No dev server is running"]


def test_start_dev_server_with_ngrok_warns_that_it_has_no_effect(
    service: BentoService, caplog: pytest.LogCaptureFixture
) -> None:
    service.start_dev_server(port=0, enable_ngrok=True, debug=True)
    assert "enable_ngrok has no effect" in caplog.text


def test_start_dev_server_when_saving_fails_leaves_nothing_behind(
    service: BentoService, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    service.artifacts["factor"].pack(lambda: sys.stdout)
    (tmp_path / "dev_times.py").unlink()
    with pytest.raises(Exception, match="dev_times"):
        service.start_dev_server(port=0)
    assert not list(tmp_path.glob("bentoml-dev-server-*"))
