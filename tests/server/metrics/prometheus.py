"""A real Prometheus, and its tool for rules."""

from __future__ import annotations

import contextlib
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from tests.docs.page_run import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

START_S = 60.0


def promtool(*words: str | Path) -> str:
    """What promtool prints; it has to agree."""
    done = subprocess.run(["promtool", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@contextlib.contextmanager
def running_prometheus(directory: Path) -> Iterator[httpx.Client]:
    """Prometheus with `prometheus.yml` in a directory; what asks it."""
    port = free_port()
    argv = [
        "prometheus",
        "--config.file=prometheus.yml",
        f"--storage.tsdb.path={directory / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with (directory / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(argv, cwd=directory, stdout=log, stderr=log)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30, trust_env=False) as client:
            deadline = time.monotonic() + START_S
            while not _is_ready(client):
                assert process.poll() is None, (directory / "prometheus.log").read_text()
                assert time.monotonic() < deadline
                time.sleep(0.05)  # between looks at the real thing, under a deadline
            yield client
    finally:
        process.terminate()
        process.wait(START_S)


def _is_ready(client: httpx.Client) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        return client.get("/-/ready").status_code == 200
    return False


def values(client: httpx.Client, expression: str) -> list[Any]:
    """What an expression gives now; Prometheus has to take it."""
    answer = client.get("/api/v1/query", params={"query": expression}).json()
    assert answer["status"] == "success", f"{expression}: {answer}"
    found: list[Any] = answer["data"]["result"]
    return found
