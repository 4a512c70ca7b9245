"""What the Functions host starts and reads; the host itself is not here."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bentoml.deploy.azure.functions_site import PORT, site_files
from tests.cli.saved_home import SavedHome
from tests.docs.page_run import free_port, is_ready

START_LIMIT_S = 60.0


def ask(port: int, path: str, body: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    with contextlib.closing(connection):
        connection.request("POST", path, body, {"Content-Type": "application/json", "X-Forwarded-Proto": "https"})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def test_handler_answers_on_the_port_that_the_host_tells(saved: SavedHome, tmp_path: Path) -> None:
    handler = tmp_path / "handler.sh"
    handler.write_text(site_files("anonymous")["image/site/handler.sh"], encoding="utf-8")
    handler.chmod(0o755)
    port = free_port()
    env = {name: value for name, value in os.environ.items() if not name.startswith("BENTOML")}
    env |= {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "BENTOML_HOME": str(saved.home),
        "BUNDLE_PATH": str(saved.bundle),
        "FUNCTIONS_CUSTOMHANDLER_PORT": str(port),
        "PORT": str(PORT),  # Azure says so where the host has to listen
        "BENTOML_PORT": "1",
    }
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen([str(handler)], env=env, stdout=log, stderr=log)
    try:
        deadline_s = time.monotonic() + START_LIMIT_S
        while not is_ready(port):
            assert server.poll() is None, (tmp_path / "log").read_text()
            assert time.monotonic() < deadline_s, (tmp_path / "log").read_text()
            time.sleep(0.05)
        assert ask(port, "/scale", "2") == (200, "6")
    finally:
        server.send_signal(signal.SIGTERM)
        assert server.wait(START_LIMIT_S) == 0


@pytest.mark.parametrize("level", ["anonymous", "function", "admin"])
def test_functions_are_one_for_all_paths_and_two_that_need_no_key(level: str) -> None:
    files = site_files(level)
    names = {name.removeprefix("image/site/") for name in files}
    assert names == {
        "image/Dockerfile",
        "host.json",
        "handler.sh",
        *(f"{name}/function.json" for name in ("server", "livez", "readyz")),
    }
    found = {}
    for name in ("server", "livez", "readyz"):
        trigger, answer = json.loads(files[f"image/site/{name}/function.json"])["bindings"]
        assert (trigger["type"], trigger["direction"]) == ("httpTrigger", "in")
        assert (answer["type"], answer["direction"]) == ("http", "out")
        found[trigger["route"]] = trigger["authLevel"]
    assert found == {"{*path}": level, "livez": "anonymous", "readyz": "anonymous"}
    host = json.loads(files["image/site/host.json"])
    assert host["extensions"]["http"]["routePrefix"] == ""
    assert host["customHandler"]["enableForwardingHttpRequest"] is True
    assert f"image/site/{host['customHandler']['description']['defaultExecutablePath']}" in files
