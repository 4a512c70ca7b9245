"""Saved bundles and real servers for tests: each server is the command line's, in processes of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from threading import Lock, Thread

import httpx

from tests.plain_http import NO_TLS
from tests.server.saver import run_forked

START_S = 60.0
STOP_S = 30.0


def save_bundle(directory: Path, source: str, *, class_name: str, pack: str = "") -> Path:
    """Save the service that `source` defines, as a user's script would.

    Args:
        directory: empty; source, home and bundle go below it.
        source: text of the service module.
        class_name: the service class in it.
        pack: statements that pack artifacts into `service`.

    Returns:
        Path of the bundle.
    """
    (directory / "served_service.py").write_text(textwrap.dedent(source), encoding="utf-8")
    packer = (
        f"from served_service import {class_name}\nservice = {class_name}()\n{textwrap.dedent(pack)}\n"
        "print('SAVED', service.save())\n"
    )
    (directory / "packer.py").write_text(packer, encoding="utf-8")
    code, printed = run_forked(directory, "packer.py", {**os.environ, "BENTOML_HOME": str(directory / "home")})
    assert code == 0, printed
    found = re.search(r"^SAVED (.+)$", printed, re.MULTILINE)
    assert found is not None
    return Path(found[1])


@dataclass
class LiveServer:
    """A running `bentoml serve`."""

    url: str
    process: subprocess.Popen[str]
    log: Path
    _client: httpx.Client | None = field(default=None, init=False)
    _making: Lock = field(default_factory=Lock, init=False)

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    @property
    def client(self) -> httpx.Client:
        with self._making:
            if self._client is None:
                self._client = httpx.Client(base_url=self.url, timeout=30, trust_env=False, verify=NO_TLS)
            return self._client

    def output(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait for the end; returns the exit code."""
        self.process.send_signal(number)
        return self.process.wait(STOP_S)


@contextmanager
def live_server(bundle: Path | str, *arguments: str, home: Path, command: str = "serve") -> Iterator[LiveServer]:
    """Serve a bundle on a free port until the block ends."""
    home.mkdir(parents=True, exist_ok=True)
    log = home / f"serve-{os.urandom(4).hex()}.log"
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "bentoml", command, str(bundle), "--port", "0", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "BENTOML_HOME": str(home)},
    )
    urls: SimpleQueue[str | None] = SimpleQueue()
    reader = Thread(target=_keep_output, args=(process, log, urls), daemon=True)
    reader.start()
    server: LiveServer | None = None
    try:
        url = urls.get(timeout=START_S)
        assert url is not None, f"the server did not start:\n{log.read_text(encoding='utf-8')}"
        server = LiveServer(url, process, log)
        yield server
    finally:
        if server is not None and server._client is not None:
            server._client.close()
        if process.poll() is None:
            process.terminate()
        try:
            process.wait(STOP_S)
        finally:
            process.kill()
            reader.join(STOP_S)
            assert process.stdout is not None
            process.stdout.close()


def _keep_output(process: subprocess.Popen[str], log: Path, urls: SimpleQueue[str | None]) -> None:
    """Copy what the server prints into a file; the first address goes to `urls`, or None when it ends without one."""
    assert process.stdout is not None
    with log.open("w", encoding="utf-8") as file:
        for line in process.stdout:
            file.write(line)
            file.flush()
            found = re.search(r"on ((?:https?://|unix:)\S+)$", line.strip())
            if found is not None:
                urls.put(found[1])
    urls.put(None)


def metric(server: LiveServer, name: str, **labels: str) -> float:
    """Sum of the samples of a metric whose labels match."""
    return metrics_at_once(server, name, **labels)[0]


def metrics_at_once(server: LiveServer, *names: str, **labels: str) -> list[float]:
    """See `metric`; the numbers of several metrics at the same moment."""
    from prometheus_client.parser import text_string_to_metric_families

    text = server.client.get("/metrics").text
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return [
        sum(sample.value for sample in samples if sample.name == name and labels.items() <= sample.labels.items())
        for name in names
    ]


def child_of(server: LiveServer, module: str) -> int:
    """Process id of the server's child that runs `module`."""
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text(encoding="ascii")
    return next(int(pid) for pid in children.split() if module in Path(f"/proc/{pid}/cmdline").read_text())


def memory_files(pid: int) -> list[int]:
    """The sizes in bytes of the slots for large bodies that a process has open."""
    sizes = []
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed since it was listed
            if "bentoml-body" in str(link.readlink()):
                sizes.append(link.stat().st_size)
    return sizes
