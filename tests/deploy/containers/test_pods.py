"""Pods of a Deployment: what they may, and an update under load."""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.deploy.containers.machine import Machine
from tests.deploy.containers.pods import Pod
from tests.deploy.containers.running import BENTOML, MARKS, ask

if TYPE_CHECKING:
    from typing_extensions import Self

pytestmark = MARKS
SERVICE = """
import sys
import time
import bentoml
from bentoml.adapters import JsonInput
from bentoml.service.artifacts.common import JSONArtifact


@bentoml.artifacts([JSONArtifact("factor")])
class Scaler(bentoml.BentoService):
    @bentoml.api(input=JsonInput(), batch=False)
    def scale(self, seconds):
        time.sleep(seconds)
        return self.artifacts.factor


if __name__ == "__main__":
    for factor in (1, 2):
        service = Scaler()
        service.pack("factor", factor)
        service.save(version=f"{factor}.0")
"""
CONFIG = "bento_server: {grace_s: 20, feedback: {enabled: false}}\n"


@pytest.fixture(scope="module")
def home(machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with two bundles, and the image of each."""
    home, work = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("work")
    (work / "scaler.py").write_text(SERVICE)
    env = {**os.environ, "BENTOML_HOME": str(home)}
    subprocess.run([sys.executable, "scaler.py"], cwd=work, env=env, check=True, capture_output=True)
    for version in ("1.0", "2.0"):
        words = ("--tag", "localhost/scaler", "--engine", "podman")
        machine.run(BENTOML, "containerize", f"Scaler:{version}", *words, BENTOML_HOME=str(home))
    return home


def objects(machine: Machine, home: Path, version: str) -> list[dict[str, Any]]:
    """The objects of a deployment with that version."""
    config = home / "server.yml"
    config.write_text(CONFIG)
    words = ("scaler", "-b", f"Scaler:{version}", "--image", "localhost/scaler", "--config-file", str(config))
    printed = machine.run(BENTOML, "kubernetes", "manifests", *words, "--workers", "2", BENTOML_HOME=str(home))
    return list(yaml.safe_load_all(printed))


def pod(machine: Machine, home: Path, number: int, directory: Path) -> Pod:
    kinds = {each["kind"]: each for each in objects(machine, home, f"{number}.0")}
    spec = kinds["Deployment"]["spec"]["template"]["spec"]
    return Pod(machine, spec, f"scaler-{number}", directory, [kinds["ConfigMap"]])


def test_pod_answers_with_its_configuration_and_without_rights(machine: Machine, home: Path, tmp_path: Path) -> None:
    with pod(machine, home, 1, tmp_path) as found:
        assert ask(found.port, "/scale", "0") == (200, "1")
        assert ask(found.port, "/livez")[0] == 200
        assert ask(found.port, "/feedback", "{}")[0] == 404, "as its configuration file says"
        assert found.inside("id", "-u") == "1034"
        status = found.inside("cat", "/proc/1/status")
        fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        assert int(fields["CapEff"], 16) == int(fields["CapBnd"], 16) == 0
        assert fields["NoNewPrivs"] == "1"
        assert found.inside("sh", "-c", "touch /home/bentoml/x || echo refused", check=False) == "refused"
        found.inside("sh", "-c", "touch /tmp/x")


class Load:
    """Clients that ask a pod all the time, until the end of the block.

    Half of them make a connection for each request, as whoever asks a Service does. The others keep theirs as long as
    the server does: proxies of a cluster leave such connections at the pod on which they began.
    """

    def __init__(self, target: Pod) -> None:
        self.target = target
        self.answers: list[tuple[int, str]] = []
        self.problems: list[str] = []
        self._is_over = threading.Event()
        loops = (self._ask_anew, self._ask_anew, self._ask_on, self._ask_on)
        self._clients = [threading.Thread(target=loop) for loop in loops]
        self.moves = 0
        """How often a kept connection was closed by a server, which said so in its last answer."""

    def __enter__(self) -> Self:
        for client in self._clients:
            client.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def stop(self) -> None:
        self._is_over.set()
        for client in self._clients:
            client.join()

    def wait_for_more(self, count: int) -> None:
        wanted, end_s = len(self.answers) + count, time.monotonic() + 60
        while len(self.answers) < wanted:
            assert time.monotonic() < end_s, self.problems
            self._is_over.wait(0.01)

    def _ask_anew(self) -> None:
        while not self._is_over.is_set():
            self._ask()

    def _ask(self) -> None:
        try:
            self.answers.append(ask(self.target.port, "/scale", "0.02"))
        except (OSError, http.client.HTTPException) as error:
            self.problems.append(repr(error))

    def _ask_on(self) -> None:
        while not self._is_over.is_set():
            connection = http.client.HTTPConnection("127.0.0.1", self.target.port, timeout=60)
            try:
                self._ask_until_closed(connection)
            except (OSError, http.client.HTTPException) as error:
                self.problems.append(f"kept connection: {error!r}")
            finally:
                connection.close()

    def _ask_until_closed(self, connection: http.client.HTTPConnection) -> None:
        while not self._is_over.is_set():
            connection.request("POST", "/scale", "0.02", {"Content-Type": "application/json"})
            answer = connection.getresponse()
            self.answers.append((answer.status, answer.read().decode()))
            if answer.will_close:
                self.moves += 1
                return


def test_update_when_requests_come_all_the_time_loses_none(machine: Machine, home: Path, tmp_path: Path) -> None:
    with (
        pod(machine, home, 1, tmp_path) as old,
        Load(old) as load,
        pod(machine, home, 2, tmp_path) as new,
        ThreadPoolExecutor() as others,
    ):
        # The new pod is ready. The old one is told to leave, and only then do those who send learn of it.
        code = others.submit(old.leave)
        load.wait_for_more(10)
        slow = others.submit(ask, old.port, "/scale", "8")
        load.target = new
        assert slow.result() == (200, "1"), "it came while the pod was leaving, and took longer than its last command"
        assert code.result() == 0
        load.wait_for_more(10)
        load.stop()
    assert load.problems == []
    assert load.moves >= 2, "both clients with connections of their own were on the old pod"
    assert {status for status, _ in load.answers} == {200}
    assert {text for _, text in load.answers} == {"1", "2"}
    assert load.answers[-1] == (200, "2")
