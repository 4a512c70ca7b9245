"""Real images of a real bundle: built by each engine, run, asked, stopped under load, pushed and looked into."""

from __future__ import annotations

import base64
import gzip
import http.client
import json
import os
import re
import subprocess
import sys
import tarfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bentoml.saved_bundle.integrity import replace_listed
from tests.deploy.containers.machine import ARCHITECTURES, NATIVE, Machine
from tests.deploy.containers.running import BENTOML, MARKS, ask, container, free_port, wait_until_ready

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = MARKS
SERVICE = """
import time
import bentoml
from bentoml.adapters import JsonInput
from bentoml.service.artifacts.common import PickleArtifact


@bentoml.artifacts([PickleArtifact("factor")])
class Scaler(bentoml.BentoService):
    @bentoml.api(input=JsonInput(), batch=False)
    def scale(self, number):
        time.sleep(number / 10)
        return number * self.artifacts.factor[0]


if __name__ == "__main__":
    service = Scaler()
    # Incompressible enough for the test: a model that is larger than the rest of the bundle.
    service.pack("factor", [3, bytes(4_000_000)])
    service.save(version="1.0")
"""
SECRET = "hunter2-is-secret"
MANIFESTS = ", ".join(
    f"application/vnd.{kind}+json"
    for kind in (
        "docker.distribution.manifest.v2",
        "docker.distribution.manifest.list.v2",
        "oci.image.manifest.v1",
        "oci.image.index.v1",
    )
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with `Scaler:1.0`."""
    home, work = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("work")
    (work / "scaler.py").write_text(SERVICE)
    env = {**os.environ, "BENTOML_HOME": str(home)}
    subprocess.run([sys.executable, "scaler.py"], cwd=work, env=env, check=True, capture_output=True)
    return home


def containerize(machine: Machine, home: Path, *words: str, **env: str) -> str:
    env["BENTOML_HOME"] = str(home)
    return machine.run(BENTOML, "containerize", "Scaler:1.0", *words, check=True, **env)


@contextmanager
def registry(directory: Path) -> Iterator[str]:
    """A registry of this machine; its address."""
    address = f"127.0.0.1:{free_port()}"
    settings = directory / "registry.yml"
    settings.write_text(
        f"version: 0.1\nlog: {{level: error}}\nhttp: {{addr: '{address}'}}\n"
        f"storage: {{filesystem: {{rootdirectory: '{directory}/registry'}}}}\n"
    )
    with (directory / "registry.log").open("wb") as log:
        process = subprocess.Popen(["docker-registry", "serve", str(settings)], stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                ask(int(address.rpartition(":")[2]), "/v2/")
                break
            except OSError:
                time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait()


def test_image_of_podman_serves_everywhere_and_hides_what_it_must(machine: Machine, home: Path, tmp_path: Path) -> None:
    netrc, pip_config = tmp_path / "netrc", tmp_path / "pip.conf"
    netrc.write_text(f"machine pypi.example login ada password {SECRET}\n")
    pip_config.write_text(f"[search]\nindex = https://ada:{SECRET}@pypi.example\n")
    archive = tmp_path / "scaler.tar"
    with registry(tmp_path) as address:
        words = ("-t", f"{address}/team/scaler", "--engine", "podman", "--push", "--output", str(archive))
        said = containerize(machine, home, *words, "--netrc", str(netrc), "--pip-config", str(pip_config))
        assert said.endswith(f"Build container image: {address}/team/scaler:1.0")
        tags = ask(int(address.rpartition(":")[2]), "/v2/team/scaler/tags/list")[1]
        assert json.loads(tags) == {"name": "team/scaler", "tags": ["1.0"]}
    with tarfile.open(archive) as opened:
        assert {"oci-layout", "index.json"} <= {name.removeprefix("./") for name in opened.getnames()}
    image = f"{address}/team/scaler:1.0"
    facts: Any = machine.inspect(image)
    assert facts["Config"]["User"] == "bentoml"
    assert facts["Healthcheck"]["Test"] == ["CMD", "bentoml", "healthcheck", "--quiet"]
    assert facts["Labels"]["org.opencontainers.image.title"] == "Scaler"
    assert facts["Labels"]["org.opencontainers.image.version"] == "1.0"

    with container(machine, "--read-only", "-e", "PORT=8080", "--", image, "--workers", "2", port=8080) as (
        found,
        port,
    ):
        wait_until_ready(machine, found, port)
        assert ask(port, "/scale", "2") == (200, "6")
        machine.run("podman", "healthcheck", "run", found)
        assert machine.run("podman", "exec", found, "id", "-u") == "1034"
    # Nothing but /dev/shm can be written, and the user is any.
    options = ("--read-only", "--read-only-tmpfs=false", "--user", "4321:0", "--", image, "--port", "8181")
    with container(machine, *options, port=8181) as (found, port):
        wait_until_ready(machine, found, port)
        assert ask(port, "/scale", "1") == (200, "3")
        machine.run("podman", "exec", found, "bentoml", "healthcheck")
    assert machine.run("podman", "run", "--rm", image, "echo", "$(id)") == "$(id)"
    saved = tmp_path / "layers.tar"
    machine.run("podman", "save", "-q", "-o", str(saved), image)
    assert SECRET.encode() not in saved.read_bytes()


def test_image_that_is_stopped_under_load_answers_all_and_exits_with_0(machine: Machine, home: Path) -> None:
    containerize(machine, home, "--engine", "podman", "-t", "stopped")
    answers: list[tuple[int, str]] = []
    with container(machine, "--", "localhost/stopped:1.0", "--workers", "2") as (found, port):
        wait_until_ready(machine, found, port)
        connections = [http.client.HTTPConnection("127.0.0.1", port, timeout=60) for _ in range(8)]
        for connection in connections:
            connection.request("POST", "/scale", "5", {"Content-Type": "application/json"})

        def read(connection: http.client.HTTPConnection) -> None:
            answer = connection.getresponse()
            answers.append((answer.status, answer.read().decode()))
            connection.close()

        threads = [threading.Thread(target=read, args=[connection]) for connection in connections]
        for thread in threads:
            thread.start()
        machine.run("podman", "stop", "-t", "60", found)
        for thread in threads:
            thread.join()
        assert answers == [(200, "15")] * 8
        assert machine.run("podman", "inspect", found, "--format", "{{.State.ExitCode}}") == "0"


def get_manifest(address: str, path: str, reference: str) -> Any:
    """A manifest of the registry, or an index of some."""
    connection = http.client.HTTPConnection(address, timeout=60)
    connection.request("GET", f"/v2/{path}/manifests/{reference}", headers={"Accept": MANIFESTS})
    found = json.loads(connection.getresponse().read())
    connection.close()
    return found


def test_images_for_two_platforms_are_one_index_in_the_registry_and_the_archive(
    machine: Machine, home: Path, tmp_path: Path
) -> None:
    platforms = ",".join(f"linux/{architecture}" for architecture in ARCHITECTURES)
    archive = tmp_path / "index.tar"
    with registry(tmp_path) as address:
        image = f"{address}/team/scaler:1.0"
        # What has the name before is replaced, be it an image or an index.
        machine.run("podman", "tag", f"localhost/base-{NATIVE}", image)
        words = ("-t", image, "--engine", "podman", "--platform", platforms, "--push", "--output", str(archive))
        containerize(machine, home, *words)
        index = get_manifest(address, "team/scaler", "1.0")
        assert {entry["platform"]["architecture"] for entry in index["manifests"]} == set(ARCHITECTURES)
        for entry in index["manifests"]:
            manifest = get_manifest(address, "team/scaler", entry["digest"])
            config = ask(int(address.rpartition(":")[2]), f"/v2/team/scaler/blobs/{manifest['config']['digest']}")[1]
            facts = json.loads(config)
            assert facts["architecture"] == entry["platform"]["architecture"]
            assert facts["config"]["Labels"]["org.bentoml.service"] == "Scaler:1.0"
        machine.run("podman", "manifest", "rm", image)
        machine.run("podman", "pull", "-q", image)
    with tarfile.open(archive) as opened:
        names = {name.removeprefix("./"): name for name in opened.getnames()}

        def blob(name: str) -> Any:
            member = opened.extractfile(names[name])
            assert member is not None
            return json.loads(member.read())

        (entry,) = blob("index.json")["manifests"]
        archived = blob(f"blobs/{entry['digest'].replace(':', '/')}")["manifests"]
        assert {entry["platform"]["architecture"] for entry in archived} == set(ARCHITECTURES)
    with container(machine, "--", image) as (found, port):
        wait_until_ready(machine, found, port)
        assert ask(port, "/scale", "2") == (200, "6")


def test_images_of_buildah_and_docker_serve_too(machine: Machine, home: Path, tmp_path: Path) -> None:
    containerize(machine, home, "-t", "by-buildah", "--engine", "buildah")
    listening = tmp_path / "podman.sock"
    service = subprocess.Popen(
        ["podman", "system", "service", "--time=0", f"unix://{listening}"],
        env={**os.environ, **machine.env},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 30
        while not listening.exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        containerize(machine, home, "-t", "by-docker", "--engine", "docker", DOCKER_HOST=f"unix://{listening}")
    finally:
        service.terminate()
        service.wait()
    for name in ("by-buildah", "by-docker"):
        # docker calls it docker.io/library/..., buildah localhost/...
        image = machine.run("podman", "images", "--quiet", "--no-trunc", name)
        with container(machine, "--", image) as (found, port):
            wait_until_ready(machine, found, port)
            assert ask(port, "/scale", "2") == (200, "6"), name


def test_image_of_a_locked_bundle_installs_nothing_else_and_tells_its_bill(
    machine: Machine, home: Path, tmp_path: Path
) -> None:
    bundle = tmp_path / "bundle"
    env = {"BENTOML_HOME": str(home)}
    machine.run(BENTOML, "retrieve", "Scaler:1.0", "--target_dir", str(bundle), check=True, **env)
    machine.run(BENTOML, "env", "lock", str(bundle), check=True, **env)
    words = ("containerize", str(bundle), "--engine", "podman")
    built = machine.run(BENTOML, *words, "-t", "locked", check=True, **env)
    assert built.endswith("Build container image: locked:1.0")
    facts: Any = machine.inspect("locked:1.0")
    bill = (bundle / "sbom.cdx.json").read_bytes()
    assert gzip.decompress(base64.b64decode(facts["Labels"]["org.bentoml.sbom"])) == bill
    assert (
        machine.run("podman", "run", "--rm", "locked:1.0", "sha256sum", "sbom.cdx.json").split()[0]
        == (facts["Labels"]["org.bentoml.sbom.sha256"])
    )
    # Versions of the lock, not newer ones; what the base image has is not in this directory.
    listed = (
        "import importlib.metadata as m; [print(f'{d.name}=={d.version}'.lower()) for d in m.distributions(path=P)]"
    )
    code = f"import sys; P = [p for p in sys.path if p.startswith('/opt/bentoml')]; {listed}"
    lines = machine.run("podman", "run", "--rm", "locked:1.0", "python", "-c", code).replace("_", "-").splitlines()
    lock = (bundle / "requirements.lock").read_text()
    assert {line for line in lines if not line.startswith("bentoml==")} == set(
        re.findall(r"^([a-z0-9-]+==[^ ]+)", lock, re.MULTILINE)
    )

    wrong = re.sub(r"(click==.*(?:\n +--hash.*)*)", lambda found: re.sub("[0-9a-f]{64}", "0" * 64, found[1]), lock)
    replace_listed(bundle, "requirements.lock", wrong.encode())
    done = subprocess.run([BENTOML, *words, "-t", "wrong"], env={**os.environ, **machine.env, **env}, check=False,
                          capture_output=True, text=True)  # fmt: skip
    assert done.returncode == 1
    assert "DO NOT MATCH THE HASHES" in done.stderr
