"""The guides for docker and Docker Compose, run with podman and podman-compose in their places."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.deploy.containers.base_image import copy_program
from tests.deploy.containers.machine import NATIVE
from tests.deploy.containers.running import BENTOML, MARKS, save
from tests.docs.blocks import read_blocks, read_commands
from tests.docs.load import Load
from tests.docs.page_run import PageRun, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.deploy.containers.machine import Machine

GUIDES = Path(__file__).resolve().parents[3] / "docs" / "guides"
PORTS = (5000, 5001, 8080, 9091)
MISSING = [name for name in ("nginx", "prometheus", "podman-compose", "check-jsonschema") if shutil.which(name) is None]
pytestmark = [
    *MARKS,
    pytest.mark.skipif(bool(MISSING), reason=f"missing on this machine: {', '.join(MISSING)}; see scripts/test"),
]
# Answers as the classifier of the quickstart does, whose libraries take long to install.
SERVICE = """
import bentoml
from bentoml.adapters import JsonInput


class IrisClassifier(bentoml.BentoService):
    @bentoml.api(input=JsonInput(), batch=False)
    def predict(self, rows):
        return [0 for _ in rows]


if __name__ == "__main__":
    IrisClassifier().save()
"""
# Where no systemd runs, podman says with each container that its health is not looked at.
DOCKER = """#!/bin/bash
exec 2> >(grep --line-buffered -v 'systemd connection' >&2)
if [ "$1" = compose ]; then
  shift
  exec podman-compose "$@"
fi
exec podman "$@"
"""
NGINX = """FROM {base}
COPY root/ /
RUN mkdir -p /var/log/nginx /var/lib/nginx /run && echo nobody:x:65534:65534::/:/bin/false >> /etc/passwd \\
    && echo nogroup:x:65534: >> /etc/group
CMD ["nginx", "-g", "daemon off;"]
"""
PROMETHEUS = """FROM {base}
COPY root/ /
RUN mkdir /prometheus
CMD ["prometheus", "--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus"]
"""


@contextlib.contextmanager
def page_run(machine: Machine, directory: Path) -> Iterator[PageRun]:
    """The runner of a page whose docker is podman with the storage of the tests."""
    programs = directory / "programs"
    programs.mkdir()
    (programs / "docker").write_text(DOCKER, encoding="utf-8")
    (programs / "docker").chmod(0o755)
    with PageRun(directory) as run:
        run.env |= machine.env
        run.env |= {
            "BENTOML_CONTAINER_ENGINE": "podman",
            "PATH": f"{programs}{os.pathsep}{run.env['PATH']}",
        }
        run.ports |= {port: free_port() for port in PORTS}
        home = run.home / "bentoml"
        save(SERVICE, home, directory)
        # Packages take longer than the commands of a page may; those of the same requirements are not installed again.
        machine.run(
            BENTOML,
            "containerize",
            "IrisClassifier:latest",
            "-t",
            "first",
            "--engine",
            "podman",
            BENTOML_HOME=str(home),
        )
        try:
            yield run
        finally:
            machine.run("podman", "rm", "--all", "--force", "--time", "0", check=False)


def test_commands_of_the_docker_page_run_as_shown(machine: Machine, tmp_path: Path) -> None:
    with page_run(machine, tmp_path) as run:
        for block in read_blocks((GUIDES / "docker.md").read_text(encoding="utf-8")):
            run.run_block(block)
        assert machine.run("podman", "ps", "--all", "--quiet") == ""


def add_image(machine: Machine, directory: Path, name: str, program: str, dockerfile: str) -> None:
    """Make an image of a program of this machine, under the name of the one that its makers publish."""
    found = shutil.which(program)
    assert found is not None
    copy_program(Path(found), directory / "root")
    (directory / "Dockerfile").write_text(dockerfile.format(base=f"localhost/base-{NATIVE}"), encoding="utf-8")
    machine.run("podman", "build", "-q", "-t", name, str(directory))


def test_commands_of_the_compose_page_run_as_shown_and_lose_no_request(machine: Machine, tmp_path: Path) -> None:
    add_image(machine, tmp_path / "nginx", "docker.io/library/nginx:1.28", "nginx", NGINX)
    add_image(machine, tmp_path / "prometheus", "docker.io/prom/prometheus:v3.5.0", "prometheus", PROMETHEUS)
    with page_run(machine, tmp_path) as run:
        url = f"http://127.0.0.1:{run.ports[8080]}"
        updates = 0
        for block in read_blocks((GUIDES / "docker-compose.md").read_text(encoding="utf-8")):
            if "--force-recreate" not in block.text:
                run.run_block(block)
                continue
            updates += 1
            with Load(lambda: httpx.Client(base_url=url, timeout=60, trust_env=False), [[5.1]], "[0]") as load:
                run.run_block(block)
            assert load.problems == []
            assert load.answered > 100
        assert updates == 1
        assert machine.run("podman", "ps", "--all", "--quiet") == ""


def test_docker_knows_the_options_of_the_page_on_gpus() -> None:
    page = (GUIDES / "gpu.md").read_text(encoding="utf-8")
    blocks = [block for block in read_blocks(page) if block.not_run is not None]
    commands = [command.line for block in blocks for command in read_commands(block.text)]
    assert len(commands) == 3
    for command in commands:
        words = shlex.split(command)
        image = words.index("iris-classifier:v1")
        assert words[:2] == ["docker", "run"]
        # With --help the options are read and nothing runs.
        done = subprocess.run([*words[:image], "--help"], check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def test_compose_file_of_the_page_on_gpus_fits_the_specification(tmp_path: Path) -> None:
    page = (GUIDES / "gpu.md").read_text(encoding="utf-8")
    (text,) = [block.text for block in read_blocks(page) if block.title == "compose.gpu.yaml"]
    (tmp_path / "compose.yaml").write_text(text, encoding="utf-8")
    argv = ["check-jsonschema", "--builtin-schema", "vendor.compose-spec", str(tmp_path / "compose.yaml")]
    done = subprocess.run(argv, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
