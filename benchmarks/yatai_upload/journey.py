"""The way of a bundle into a registry, with a violent end of one of the two at each of several points."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from benchmarks.registry_process import RegistryProcess, environment
from benchmarks.yatai_upload.relay import Relay

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LIMIT_S = 600.0
_LOOK_EVERY_S = 0.001


@dataclass
class Point:
    """When somebody is killed.

    Attributes:
        name: for people.
        victim: `client`, `server`, or `answer`: then an answer is lost, and nobody dies.
        at_bytes: once so many have been handed on; None for a point of the commit.
        sign: whether the home of the server shows that it has come so far; None for the moment before the commit is
            handed on, where there is no number of bytes.
        is_before_commit: whether it is too late for it once the commit is seen.
        outcome: what happened.
    """

    name: str
    victim: str
    at_bytes: int | None = None
    sign: Callable[[Path], bool] | None = None
    is_before_commit: bool = False
    outcome: str = "not reached"


@dataclass
class Journey:
    """One upload.

    Attributes:
        home: of the registry.
        bundle: directory of the bundle.
        points: in the order in which they come.
        client_runs: how many clients it took.
        server_runs: how many servers.
    """

    home: Path
    bundle: Path
    points: list[Point]
    client_runs: int = 0
    server_runs: int = 0
    _left: list[Point] = field(default_factory=list)
    _loses_answer: bool = False
    _is_over: bool = False

    def make(self) -> tuple[RegistryProcess, Relay]:
        """Upload to the end; the registry goes on."""
        self._left = list(self.points)
        self._client: subprocess.Popen[bytes] | None = None
        self._relay = Relay(self._before, self._answered)
        self._start_server()
        threading.Thread(target=self._watch, daemon=True).start()
        deadline = time.monotonic() + LIMIT_S
        while True:
            self._client = self._start_client()
            status = self._client.wait(max(1, deadline - time.monotonic()))
            if status == 0:
                self._is_over = True
                return self._registry, self._relay
            if status != -9:
                raise RuntimeError(f"the client ended with {status}")

    def _start_server(self) -> None:
        self.server_runs += 1
        self._registry = RegistryProcess(self.home)
        self._relay.target = int(self._registry.url.rpartition(":")[2])

    def _start_client(self) -> subprocess.Popen[bytes]:
        self.client_runs += 1
        url = f"http://127.0.0.1:{self._relay.port}"
        command = [sys.executable, "-m", "benchmarks.yatai_upload", "client", url, str(self.bundle)]
        return subprocess.Popen(command, env=environment(self.home.with_name("client-home")))

    # -- called by the relay --------------------------------------------------------------------------------------

    def _before(self, data: bytes) -> None:
        is_commit = data.startswith(b"POST ") and b"/commit" in data[:200]
        while is_commit and self._left and self._left[0].is_before_commit:
            self._left.pop(0)
        point = self._left[0] if self._left else None
        if point is None:
            return
        if point.at_bytes is not None:
            if self._relay.sent_bytes + len(data) >= point.at_bytes:
                self._strike(point)
        elif is_commit and point.sign is None:
            self._strike(point)

    def _answered(self, _data: bytes) -> bool:
        if self._loses_answer:
            self._loses_answer = False
            return False
        return True

    def _strike(self, point: Point) -> None:
        self._left.remove(point)
        point.outcome = f"after {self._relay.sent_bytes / 1e6:.1f} MB"
        if point.victim == "client":
            assert self._client is not None
            self._client.kill()
            self._client.wait()
            raise ConnectionAbortedError
        if point.victim == "answer":
            self._loses_answer = True
            return
        self._kill_server()
        raise ConnectionAbortedError

    def _kill_server(self) -> None:
        self._relay.target = None
        self._registry.kill()
        threading.Thread(target=self._start_server, daemon=True).start()

    def _watch(self) -> None:
        """Kill the server when its home shows that it has come to a point."""
        while not self._is_over:
            point = self._left[0] if self._left else None
            if point is not None and point.sign is not None and point.sign(self.home):
                self._left.remove(point)
                point.outcome = f"after {self._relay.sent_bytes / 1e6:.1f} MB"
                self._kill_server()
            time.sleep(_LOOK_EVERY_S)
