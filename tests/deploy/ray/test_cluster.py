"""Bundles on a real cluster of Ray: what clients see, and what becomes of them when nodes come and go."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from threading import Event
from typing import Any

import httpx
import pytest

from bentoml.deploy.plans import Deployments, Waiting
from bentoml.exceptions import YataiDeploymentException
from bentoml.yatai.deployment_models import DeploymentPhase, DeploymentSpec, NewDeployment, Operator
from tests.deploy.ray.cluster import Cluster, command_line, until
from tests.deploy.ray.conftest import Saved
from tests.server.live import LiveServer, live_server

pytestmark = [pytest.mark.environment("ray"), pytest.mark.timeout(600)]

WAITING = Waiting(timeout_s=180, poll_s=0.5)


def wanted(iris: Saved, cluster: Cluster, name: str = "iris", **settings: Any) -> NewDeployment:
    found = {"address": cluster.address, "cpus": 0.5, "route_prefix": f"/{name}", **settings}
    return NewDeployment("dev", name, DeploymentSpec("Iris", iris.bundle.name, Operator.RAY, found))


@pytest.fixture(scope="module")
def served(iris: Saved, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """The same bundle by `bentoml serve`."""
    with live_server(iris.bundle, home=tmp_path_factory.mktemp("served")) as server:
        yield server


@pytest.fixture(scope="module")
def running(deployments: Deployments, iris: Saved, cluster: Cluster) -> Iterator[str]:
    """The URL of a deployment with one replica."""
    deployments.deploy(wanted(iris, cluster))
    deployments.wait("dev", "iris", WAITING)
    yield f"{cluster.url}/iris"
    deployments.delete("dev", "iris")


ROW = b"[[5.1, 3.5, 1.4, 0.2]]"
REQUESTS = [
    pytest.param("POST", "/predict", ROW, {}, id="one row"),
    pytest.param("POST", "/predict", json.dumps([[5.1, 3.5, 1.4, 0.2]] * 500).encode(), {}, id="many rows"),
    pytest.param("POST", "/predict", b"5.1,3.5,1.4,0.2\n", {"content-type": "text/csv"}, id="csv"),
    pytest.param("POST", "/predict", b"[[5.1,", {}, id="no JSON"),
    pytest.param("POST", "/predict", b"", {}, id="nothing"),
    pytest.param("POST", "/predict", b'[["a", "b", "c", "d"]]', {}, id="a failure of the model"),
    pytest.param("POST", "/picky", b'"good"', {}, id="json"),
    pytest.param("POST", "/picky", b'"bad"', {"accept": "application/json"}, id="a failure of the function"),
    pytest.param("POST", "/count", b"3", {}, id="a stream"),
    pytest.param("GET", "/predict", None, {}, id="a method that is not allowed"),
    pytest.param("OPTIONS", "/predict", None, {}, id="options"),
    pytest.param("POST", "/nothing", ROW, {"accept": "application/json"}, id="no such path"),
    pytest.param("GET", "/docs.json", None, {}, id="the description"),
    pytest.param("GET", "/livez", None, {}, id="alive"),
    pytest.param("HEAD", "/readyz", None, {}, id="ready, without a body"),
    pytest.param("GET", "/docs?x=%20%2Fy", None, {}, id="a page"),
    pytest.param("GET", "/v2/models/predict", None, {}, id="open inference"),
    pytest.param("POST", "/predict", b"[" + b" " * (25 << 20) + b"]", {}, id="too large"),
    pytest.param("POST", "/predict", ROW, {"authorization": "Bearer x", "cookie": "a=b"}, id="other headers"),
]


@pytest.mark.parametrize(("method", "path", "body", "headers"), REQUESTS)
def test_an_answer_is_that_of_bentoml_serve(
    running: str, served: LiveServer, method: str, path: str, body: bytes | None, headers: dict[str, str]
) -> None:
    given = {"content-type": "application/json", "x-request-id": "test-1", **headers}
    here = httpx.request(method, f"{served.url}{path}", content=body, headers=given, timeout=60)
    there = httpx.request(method, f"{running}{path}", content=body, headers=given, timeout=60)
    assert there.status_code == here.status_code
    assert there.content == here.content
    assert _headers(there) == _headers(here)


def test_requests_that_come_together_are_one_call(running: str) -> None:
    def ask(number: int) -> Any:
        return httpx.post(f"{running}/slow", json=number, timeout=60).json()

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(ask, range(64)))
    assert [answer["item"] for answer in answers] == list(range(64))
    assert max(answer["together"] for answer in answers) > 3
    assert len({answer["pid"] for answer in answers}) == 1


def _headers(answer: httpx.Response) -> list[tuple[str, str]]:
    return sorted((name, value) for name, value in answer.headers.multi_items() if name not in {"date", "server"})


@dataclass
class Load:
    """Clients that ask one after another until they are told to stop; what each was answered, and should have been."""

    url: str
    seen: list[tuple[int, int, Any]] = field(default_factory=list)
    _stop: Event = field(default_factory=Event)

    def ask(self, first: int) -> None:
        with httpx.Client(timeout=120) as client:
            for number in count(first, 1000):
                if self._stop.is_set():
                    return
                answer = client.post(f"{self.url}/slow", json=number)
                self.seen.append((number, answer.status_code, answer.json() if answer.is_success else answer.text))

    def wrong(self) -> list[Any]:
        return [each for each in self.seen if each[1] == 200 and each[2]["item"] != each[0]]

    def failed(self) -> list[Any]:
        return [each for each in self.seen if each[1] != 200]

    @contextmanager
    def by(self, clients: int) -> Iterator[None]:
        with ThreadPoolExecutor(clients) as pool:
            asking = [pool.submit(self.ask, each) for each in range(clients)]
            try:
                until(lambda: len(self.seen) > 2 * clients, "clients are answered")
                yield
                so_far = len(self.seen)
                until(lambda: len(self.seen) > so_far + 2 * clients, "clients are still answered")
            finally:
                self._stop.set()
            for each in asking:
                each.result()


def test_update_under_load_loses_no_request_and_delete_leaves_nothing(
    deployments: Deployments, iris: Saved, cluster: Cluster
) -> None:
    url = f"{cluster.url}/change"
    deployments.deploy(wanted(iris, cluster, "change", replicas=2, env={"LEVEL": "1"}))
    deployments.wait("dev", "change", WAITING)
    assert httpx.post(f"{url}/level", json=0, timeout=60).json() == "1"
    load = Load(url)
    with load.by(4):
        deployments.update(wanted(iris, cluster, "change", replicas=2, env={"LEVEL": "2"}))
        deployments.wait("dev", "change", WAITING)
    assert load.wrong() == load.failed() == []
    assert {httpx.post(f"{url}/level", json=0, timeout=60).json() for _ in range(10)} == {"2"}

    servers = {pid for replica in cluster.replicas("dev-change") for pid in cluster.children(replica["pid"])}
    assert len(servers) == 2
    deployments.delete("dev", "change")
    assert "dev-change" not in cluster.applications()
    assert not any("dev-change" in job for job in cluster.jobs())
    until(lambda: not any(command_line(pid) for pid in servers), "the servers end")
    assert httpx.post(f"{url}/level", json=0, timeout=60).status_code == 404


def test_a_node_that_is_killed_under_load_costs_no_wrong_answer(
    deployments: Deployments, iris: Saved, cluster: Cluster
) -> None:
    node = cluster.add_node(cpus=1)
    deployments.deploy(wanted(iris, cluster, "loss", replicas=2))
    deployments.wait("dev", "loss", WAITING)
    on_node = {replica["pid"] for replica in cluster.replicas("dev-loss") if node.has(replica["pid"])}
    assert len(on_node) == 1
    load = Load(f"{cluster.url}/loss")
    with load.by(8):
        node.kill()
        until(lambda: load.failed() or not any(map(command_line, on_node)), "the replica ends with its node")
    assert load.wrong() == []
    # Those that the dead replica had, at most one for each client; all others were answered by the other replica.
    assert len(load.failed()) <= 8
    assert {status for _, status, _ in load.failed()} <= {500, 503}
    until(lambda: len(cluster.replicas("dev-loss")) == 2, "another replica starts")
    again = Load(f"{cluster.url}/loss")
    with again.by(4):
        pass
    assert again.wrong() == again.failed() == []
    deployments.delete("dev", "loss")


@pytest.mark.slow
def test_a_replica_whose_server_dies_is_replaced(deployments: Deployments, iris: Saved, cluster: Cluster) -> None:
    deployments.deploy(wanted(iris, cluster, "ended"))
    deployments.wait("dev", "ended", WAITING)
    (replica,) = cluster.replicas("dev-ended")
    (server,) = cluster.children(replica["pid"])
    os.kill(server, signal.SIGKILL)
    refused = httpx.post(f"{cluster.url}/ended/slow", json=1, timeout=60)
    assert (refused.status_code, refused.headers.get("retry-after")) == (503, "1")
    until(lambda: [each["pid"] for each in cluster.replicas("dev-ended")] not in ([replica["pid"]], []), "another")
    assert httpx.post(f"{cluster.url}/ended/slow", json=1, timeout=60).json()["item"] == 1
    deployments.delete("dev", "ended")


@pytest.mark.slow
def test_load_starts_more_replicas(deployments: Deployments, iris: Saved, cluster: Cluster) -> None:
    scaling = {"min_replicas": 1, "max_replicas": 2, "target_ongoing_requests": 2.0}
    deployments.deploy(wanted(iris, cluster, "scale", **scaling))
    deployments.wait("dev", "scale", WAITING)
    load = Load(f"{cluster.url}/scale")
    with load.by(8):
        until(lambda: len(cluster.replicas("dev-scale")) == 2, "another replica starts")
    assert load.wrong() == load.failed() == []
    deployments.delete("dev", "scale")


def test_a_bundle_that_cannot_start_says_why(deployments: Deployments, iris: Saved, cluster: Cluster) -> None:
    settings = {"location": "/nowhere", "route_prefix": "/none"}
    deployments.deploy(wanted(iris, cluster, "none", **settings))
    with pytest.raises(YataiDeploymentException, match="/nowhere"):
        deployments.wait("dev", "none", WAITING)
    assert deployments.describe("dev", "none").state.state is DeploymentPhase.FAILED
    deployments.delete("dev", "none")


@pytest.mark.slow
def test_the_bundle_stays_on_the_cluster_when_the_last_replica_is_gone(
    deployments: Deployments, iris: Saved, cluster: Cluster
) -> None:
    """Ray forgets a package five seconds after the last use here, by its own setting."""
    node = cluster.nodes[-1]
    deployments.deploy(wanted(iris, cluster, "last"))
    deployments.wait("dev", "last", WAITING)
    for each in cluster.nodes[1:]:
        each.end()
    del cluster.nodes[1:]
    until(lambda: not cluster.replicas("dev-last"), "the replica is gone")
    assert node.process.returncode is not None
    gone_s = time.monotonic()
    until(lambda: time.monotonic() > gone_s + 10, "Ray forgets packages")
    cluster.add_node(cpus=2)
    until(lambda: cluster.replicas("dev-last"), "the replica is back")
    assert httpx.post(f"{cluster.url}/last/slow", json=1, timeout=60).json()["item"] == 1
    deployments.delete("dev", "last")
