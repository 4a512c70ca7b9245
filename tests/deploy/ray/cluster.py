"""A real cluster of Ray on this machine: a head without processors, and nodes that come and go."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

_START_S = 240.0
_STORE_BYTES = 80 << 20
# Those of the suite, such as that of the home, are for this process.
_ENV = {
    "RAY_AUTH_MODE": "disabled",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_RUNTIME_ENV_TEMPORARY_REFERENCE_EXPIRATION_S": "5",
}


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@dataclass
class Node:
    """One `ray start`, with all that it has started in a session of its own."""

    process: subprocess.Popen[bytes]

    def processes(self) -> list[int]:
        """Those of its session: all but its replicas and what these have started, which end when the raylet does."""
        pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]
        return [pid for pid in pids if _session(pid) == self.process.pid]

    def raylet(self) -> int:
        return next(pid for pid in self.processes() if "raylet/raylet" in command_line(pid))

    def has(self, pid: int) -> bool:
        """Whether a process is one that the raylet has started."""
        return f"PPid:\t{self.raylet()}\n" in Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")

    def kill(self) -> None:
        """The node is gone, from one moment to the next."""
        os.kill(self.raylet(), signal.SIGKILL)

    def end(self) -> None:
        for pid in self.processes():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()


@dataclass
class Cluster:
    """A running cluster.

    Attributes:
        address: of its dashboard.
        url: of the proxy of Ray Serve, which is on the head.
    """

    gcs: str
    address: str
    url: str
    nodes: list[Node]
    log: Path

    def add_node(self, cpus: int) -> Node:
        """Start a node, and wait until the cluster has it."""
        before = self._living()
        node = Node(_started(["--address", self.gcs, "--num-cpus", str(cpus)], self.log))
        self.nodes.append(node)
        until(lambda: self._living() - before, "the node comes")
        return node

    def _living(self) -> set[str]:
        """The ids of nodes; one that was killed is among them for some seconds."""
        found = httpx.get(f"{self.address}/api/v0/nodes", timeout=60).json()["data"]["result"]["result"]
        return {str(node["node_id"]) for node in found if node["state"] == "ALIVE"}

    def applications(self) -> dict[str, Any]:
        found: dict[str, Any] = httpx.get(f"{self.address}/api/serve/applications/", timeout=60).json()["applications"]
        return found

    def replicas(self, application: str) -> list[dict[str, Any]]:
        """Those that are running."""
        deployments = self.applications()[application]["deployments"].values()
        return [replica for each in deployments for replica in each["replicas"] if replica["state"] == "RUNNING"]

    def children(self, pid: int) -> set[int]:
        """The servers of bundles that a process has started."""
        children = Path(f"/proc/{pid}/task").glob("*/children")
        pids = {int(child) for each in children for child in each.read_text(encoding="ascii").split()}
        return {child for child in pids if "bentoml.deploy.ray.lifeline" in command_line(child)}

    def jobs(self) -> set[str]:
        found = httpx.get(f"{self.address}/api/jobs/", timeout=60).json()
        return {job["submission_id"] for job in found if job["submission_id"]}


@contextmanager
def running_cluster(directory: Path, cpus: int) -> Iterator[Cluster]:
    """A cluster with one node beside the head, until the block ends.

    Args:
        directory: for what Ray writes; its path is short, as it has sockets.
        cpus: of the node.
    """
    gcs, dashboard, http = free_port(), free_port(), free_port()
    log = directory / "ray.log"
    head = Node(
        _started(
            [
                *("--head", "--num-cpus", "0", "--port", str(gcs), "--node-ip-address", "127.0.0.1"),
                *("--dashboard-host", "127.0.0.1", "--dashboard-port", str(dashboard)),
                *("--ray-client-server-port", str(free_port()), "--temp-dir", str(directory / "ray")),
            ],
            log,
        )
    )
    cluster = Cluster(f"127.0.0.1:{gcs}", f"http://127.0.0.1:{dashboard}", f"http://127.0.0.1:{http}", [head], log)
    try:
        _await_dashboard(cluster)
        cluster.add_node(cpus)
        options = {"host": "127.0.0.1", "port": http}
        serving = {"applications": [], "http_options": options, "proxy_location": "HeadOnly"}
        httpx.put(f"{cluster.address}/api/serve/applications/", json=serving, timeout=120).raise_for_status()
        yield cluster
    finally:
        for node in reversed(cluster.nodes):
            node.end()


def until(condition: Any, what: str, limit_s: float = _START_S) -> Any:
    """Ask again and again; what was answered when it was true."""
    end_s = time.monotonic() + limit_s
    while not (found := condition()):
        assert time.monotonic() < end_s, f"{what}: not within {limit_s:g} seconds"
        time.sleep(0.2)
    return found


def _session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return None


def command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _started(arguments: list[str], log: Path) -> subprocess.Popen[bytes]:
    argv = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--disable-usage-stats", *arguments]
    argv += ["--object-store-memory", str(_STORE_BYTES), "--dashboard-agent-listen-port", str(free_port())]
    with log.open("ab") as output:
        return subprocess.Popen(
            argv, env={**os.environ, **_ENV}, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )


def _await_dashboard(cluster: Cluster) -> None:
    def answers() -> bool:
        assert cluster.nodes[0].process.poll() is None, cluster.log.read_text(encoding="utf-8")
        try:
            return httpx.get(f"{cluster.address}/api/serve/applications/", timeout=30).status_code == 200
        except httpx.HTTPError:
            return False

    until(answers, "the dashboard answers")
