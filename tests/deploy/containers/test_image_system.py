"""What an image gets from Debian and from git, on a base image that has apt: both really installed."""

from __future__ import annotations

import base64
import os
import subprocess
import threading
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from tests.deploy.containers.running import BENTOML, MARKS, ask, container, save, wait_until_ready

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.deploy.containers.machine import Machine

pytestmark = MARKS
BASE = "localhost/debian-python:1"
PASSWORD = "hunter2-of-git"
EXPECTED = f"Basic {base64.b64encode(f'ada:{PASSWORD}'.encode()).decode()}"
PROJECT = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[project]
name = "tripling"
version = "1.0"
[tool.setuptools]
py-modules = ["tripling"]
"""
SERVICE = """
import bentoml
from bentoml.adapters import JsonInput


@bentoml.env(
    pip_packages=["tripling @ git+http://127.0.0.1:PORT/tripling.git@v1", "lightgbm"],
    docker_base_image="BASE",
)
class Tripler(bentoml.BentoService):
    @bentoml.api(input=JsonInput(), batch=False)
    def triple(self, number):
        import lightgbm  # loads libgomp.so.1
        from tripling import triple

        return [triple(number), lightgbm.__name__]


if __name__ == "__main__":
    Tripler().save(version="1")
"""


class PrivateFiles(SimpleHTTPRequestHandler):
    """Files for those who know the password."""

    def do_GET(self) -> None:
        if self.headers.get("Authorization") == EXPECTED:
            super().do_GET()
            return
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="git"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def private_repository(directory: Path) -> Iterator[int]:
    """A git repository behind a password, with the tag `v1`; the port of its server."""
    (directory / "source").mkdir(parents=True)
    (directory / "source" / "pyproject.toml").write_text(PROJECT)
    (directory / "source" / "tripling.py").write_text("def triple(number):\n    return 3 * number\n")
    person = {f"GIT_{who}_{what}": "a@b" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}

    def git(*words: str) -> None:
        subprocess.run(["git", *words], cwd=directory, env={**os.environ, **person}, check=True, capture_output=True)

    git("init", "-q", "source")
    git("-C", "source", "add", ".")
    git("-C", "source", "commit", "-q", "-m", "Triple numbers")
    git("-C", "source", "tag", "v1")
    git("clone", "-q", "--bare", "source", "served/tripling.git")
    git("-C", "served/tripling.git", "update-server-info")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(PrivateFiles, directory=str(directory / "served")))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_image_has_libraries_of_debian_and_a_package_of_a_private_git_repository_and_nothing_left_over(
    machine: Machine, tmp_path: Path
) -> None:
    machine.add_debian(BASE)
    (tmp_path / "work").mkdir()
    (tmp_path / "netrc").write_text(f"machine 127.0.0.1 login ada password {PASSWORD}\n")
    with private_repository(tmp_path / "git") as port:
        script = SERVICE.replace("PORT", str(port)).replace("BASE", BASE)
        save(script, tmp_path, tmp_path / "work")
        argv = (BENTOML, "containerize", "Tripler:1", "-t", "tripler", "--engine", "podman")
        machine.run(*argv, "--netrc", str(tmp_path / "netrc"), check=True, BENTOML_HOME=str(tmp_path))
    with container(machine, "--", "localhost/tripler:1") as (found, port):
        wait_until_ready(machine, found, port)
        assert ask(port, "/triple", "4") == (200, '[12, "lightgbm"]')
        left = machine.run("podman", "exec", "--user", "0", found, "sh", "-c",
                           "ls /root/.netrc /usr/bin/git; find /var/cache/apt /var/lib/apt/lists -type f -size +0;"
                           "find /opt/bentoml -path '*/numpy/*' -name tests", check=False)  # fmt: skip
        assert left == ""
    saved = tmp_path / "image.tar"
    machine.run("podman", "save", "-q", "-o", str(saved), "localhost/tripler:1")
    assert PASSWORD.encode() not in saved.read_bytes()
