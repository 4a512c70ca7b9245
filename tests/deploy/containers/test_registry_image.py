"""The image of the registry, built and run: any user, a file system that cannot be written, a volume that stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from tests.deploy.containers.running import BENTOML, MARKS, container, wait_until_ready
from tests.yatai.server.bundles import push, write_bundle

if TYPE_CHECKING:
    from pathlib import Path

    from tests.deploy.containers.machine import Machine

pytestmark = MARKS
IMAGE = "localhost/yatai:tested"
# Nothing but the volume can be written.
LOCKED = ("--read-only", "--read-only-tmpfs=false", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")
FILE = "/api/v1/bundles/Iris/1/files/Iris/artifacts/model.pkl"


@pytest.fixture(scope="module")
def image(machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> str:
    directory = tmp_path_factory.mktemp("parent") / "yatai"
    machine.run(BENTOML, "yatai", "manifests", str(directory))
    machine.run("podman", "build", "--format", "docker", "-t", IMAGE, str(directory))
    return IMAGE


def client_of(port: int, token: str) -> httpx.Client:
    headers = {"authorization": f"Bearer {token}"}
    return httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60, trust_env=False)


def test_image_keeps_its_state_on_the_volume_and_ends_in_order(machine: Machine, image: str, tmp_path: Path) -> None:
    model = bytes(range(256)) * 4000
    options = (*LOCKED, "--user", "4321:0", "-v", "yatai-state:/var/lib/yatai", "--", image)
    with container(machine, *options, port=3000) as (found, port):
        wait_until_ready(machine, found, port)
        machine.run("podman", "healthcheck", "run", found)
        assert machine.run("podman", "exec", found, "id", "-u") == "4321"
        machine.run("podman", "exec", found, "bentoml", "yatai", "user", "add", "ada", "--role", "admin")
        token = machine.run("podman", "exec", found, "bentoml", "yatai", "token", "add", "ada", "--label", "test")
        assert token.startswith("bnt_")
        with client_of(port, "bnt_wrong") as client:
            assert client.get("/api/v1/bundles").status_code == 401
        with client_of(port, token) as client:
            bundle = push(client, write_bundle(tmp_path, model=model), labels={"stage": "prod"})
            assert bundle["created_by"] == "ada"
        machine.run("podman", "stop", "-t", "30", found)
        assert machine.run("podman", "inspect", found, "--format", "{{.State.ExitCode}}") == "0"
    # Another container of the same volume, as after a new version of the image.
    with container(machine, *options, port=3000) as (found, port):
        wait_until_ready(machine, found, port)
        with client_of(port, token) as client:
            assert client.get("/api/v1/bundles/Iris/1").json() == bundle
            assert client.get(FILE).content == model
        checked = machine.run("podman", "exec", found, "bentoml", "yatai", "check", "--deep")
        assert checked.startswith("1 bundles, ")
        assert ": 0 problems" in checked
    machine.run("podman", "volume", "rm", "yatai-state")


def test_image_says_what_it_is(machine: Machine, image: str) -> None:
    facts = machine.inspect(image)
    config = facts["Config"]
    assert isinstance(config, dict)
    assert config["User"] == "1034:0"
    assert list(config["Volumes"]) == ["/var/lib/yatai"]
    assert list(config["ExposedPorts"]) == ["3000/tcp"]
    assert config["StopSignal"] in {"SIGTERM", "15"}
    # What users add comes after the server, and it answers everybody who can connect only when it is told to.
    assert config["Cmd"][:2] == ["bentoml", "yatai-service-start"]
    assert "--no-auth" not in config["Cmd"]
    said = machine.run("podman", "run", "--rm", "--read-only", image, "python", "-c", "import psycopg, obstore")
    assert said == ""
