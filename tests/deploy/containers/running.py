"""Images that are built with the real command, and containers of them that answer."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.deploy.containers.machine import Machine, missing_programs

if TYPE_CHECKING:
    from collections.abc import Iterator

BENTOML = str(Path(sys.executable).with_name("bentoml"))
MARKS = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(
        bool(missing_programs()), reason=f"missing on this machine: {', '.join(missing_programs())}; see scripts/test"
    ),
]


def save(script: str, home: Path, work: Path, **env: str) -> None:
    """Run a script that saves a service."""
    (work / "saved_service.py").write_text(script)
    env = {**os.environ, "BENTOML_HOME": str(home), **env}
    done = subprocess.run([sys.executable, "saved_service.py"], cwd=work, env=env, check=False, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()


@contextmanager
def container(machine: Machine, *words: str, port: int = 5000) -> Iterator[tuple[str, int]]:
    """A running container; its id, and the port of this machine that leads to its own."""
    split = words.index("--") if "--" in words else len(words)
    options, rest = words[:split], words[split + 1 :]
    found = machine.run("podman", "run", "-d", "-p", f"127.0.0.1::{port}", *options, *rest)
    try:
        yield found, int(machine.run("podman", "port", found, f"{port}/tcp").rpartition(":")[2])
    finally:
        machine.run("podman", "rm", "-f", "-t", "0", found)


def ask(port: int, path: str, body: str | None = None) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Content-Type": "application/json"}
    connection.request("GET" if body is None else "POST", path, body, headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


def wait_until_ready(machine: Machine, found: str, port: int) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            if ask(port, "/readyz")[0] == 200:
                return
        except (OSError, http.client.HTTPException):
            if machine.run("podman", "inspect", found, "--format", "{{.State.Running}}") != "true":
                break
        time.sleep(0.1)
    raise AssertionError(machine.run("podman", "logs", found))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
