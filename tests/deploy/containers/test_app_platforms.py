"""The image of a bundle as Cloud Run, Heroku and others run it, with what their files say."""

from __future__ import annotations

import http.client
import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.containers.machine import Machine
from tests.deploy.containers.running import BENTOML, MARKS, ask, container, save, wait_until_ready

pytestmark = MARKS
PORT = 8080
IMAGE = "localhost/sleeper:1.0"
HOSTILE = "a \"b\" 'c' \\n \\ $HOME ${PATH} `id` # é %s"
SERVICE = """
import os
import time
import bentoml
from bentoml.adapters import JsonInput


class Sleeper(bentoml.BentoService):
    @bentoml.api(input=JsonInput(), batch=False)
    def sleep(self, seconds):
        time.sleep(seconds)
        return os.environ.get("TEXT", "")


Sleeper().save(version="1.0")
"""
LOGS = ("-e", "BENTOML__LOGGING__ACCESS__CONSOLE=true")
# Heroku hands the command of an image to its entry point in a shell.
IN_A_SHELL = ("--", "/bin/sh", "-c", "bentoml serve-gunicorn ./")
AS_ANY_USER = ("--user", "54321:54321", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--read-only")


@pytest.fixture(scope="module")
def home(machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a bundle, whose image is built."""
    home = tmp_path_factory.mktemp("home")
    save(SERVICE, home, tmp_path_factory.mktemp("work"))
    words = ("--tag", IMAGE, "--engine", "podman")
    machine.run(BENTOML, "containerize", "Sleeper:1.0", *words, BENTOML_HOME=str(home))
    return home


def service(machine: Machine, home: Path, *options: str) -> Any:
    """What the file for Cloud Run says of the container, and how long an answer may take."""
    words = ("sleeper", "-b", "Sleeper:1.0", "--image", IMAGE, *options)
    text = machine.run(BENTOML, "cloud-run", "manifests", *words, BENTOML_HOME=str(home))
    return yaml.safe_load(text)["spec"]["template"]["spec"]["containers"][0]


def flags(found: Any) -> list[str]:
    """The container as options of podman, with the variable that Cloud Run adds."""
    (port,) = found["ports"]
    pairs = [("PORT", str(port["containerPort"])), *((each["name"], each["value"]) for each in found["env"])]
    memory = found["resources"]["limits"]["memory"].lower().removesuffix("i")
    return [*(word for name, value in pairs for word in ("-e", f"{name}={value}")), "--memory", memory]


def end(machine: Machine, found: str, kill_after_s: int) -> tuple[int, float]:
    """SIGTERM, later SIGKILL; the exit code of the server, and the seconds until its end."""
    began_s = time.monotonic()
    machine.run("podman", "stop", "-t", str(kill_after_s), found)
    took_s = time.monotonic() - began_s
    return int(machine.run("podman", "inspect", found, "--format", "{{.State.ExitCode}}")), took_s


def test_image_as_cloud_run_starts_it_answers_its_probes_and_ends_in_time(machine: Machine, home: Path) -> None:
    found = service(machine, home, "--memory", "512Mi", "--env", f"TEXT={HOSTILE}")
    with container(machine, *flags(found), IMAGE, port=PORT) as (name, port), ThreadPoolExecutor() as others:
        wait_until_ready(machine, name, port)
        for probe in ("startupProbe", "livenessProbe"):
            assert found[probe]["httpGet"]["port"] == PORT
            assert ask(port, found[probe]["httpGet"]["path"])[0] == 200
        listed = machine.run("podman", "exec", name, "sh", "-c", "ls /home/bentoml/logs || echo none")
        assert listed == "none", "no files that take the memory"
        status, text = ask(port, "/sleep", "0")
        assert (status, json.loads(text)) == (200, HOSTILE)
        answer = others.submit(ask, port, "/sleep", "3")
        machine.run("podman", "exec", name, "sh", "-c", "sleep 1")
        code, took_s = end(machine, name, 10)
        assert answer.result()[0] == 200, "it had begun before the end"
        assert code == 0
        assert took_s < 10


def test_image_as_any_user_on_a_root_that_it_cannot_write_answers_and_ends(machine: Machine, home: Path) -> None:
    found = service(machine, home)
    with container(machine, *flags(found), *AS_ANY_USER, IMAGE, port=PORT) as (name, port):
        wait_until_ready(machine, name, port)
        assert ask(port, "/sleep", "0")[0] == 200
        assert machine.run("podman", "exec", name, "id", "-u") == "54321"
        assert machine.run("podman", "exec", name, "sh", "-c", "touch /home/bentoml/x || echo refused") == "refused"
        assert end(machine, name, 10)[0] == 0


def test_call_that_outlives_the_grace_of_cloud_run_does_not_keep_the_server(machine: Machine, home: Path) -> None:
    found = service(machine, home, "--env", "BENTOML__BENTO_SERVER__GRACE_S=2")
    with container(machine, *flags(found), IMAGE, port=PORT) as (name, port), ThreadPoolExecutor() as others:
        wait_until_ready(machine, name, port)
        others.submit(ask, port, "/sleep", "30")
        machine.run("podman", "exec", name, "sh", "-c", "sleep 1")
        code, took_s = end(machine, name, 10)
        assert code not in {0, 137}, "it says that it has cut a request off, and was not killed"
        assert took_s < 8


def test_dockerfile_for_heroku_builds_and_runs_as_heroku_runs_it(machine: Machine, home: Path, tmp_path: Path) -> None:
    directory = tmp_path / "heroku"
    words = ("sleeper", "-b", "Sleeper:1.0", "--image", IMAGE, "--for", "heroku", "--env", f"TEXT={HOSTILE}")
    machine.run(BENTOML, "app-files", *words, "--output-dir", str(directory), BENTOML_HOME=str(home))
    machine.run("podman", "build", "--tag", "localhost/on-heroku", str(directory))
    options = ("-e", f"PORT={PORT}", *LOGS, *AS_ANY_USER, "localhost/on-heroku", *IN_A_SHELL)
    with container(machine, *options, port=PORT) as (name, port):
        wait_until_ready(machine, name, port)
        assert machine.run("podman", "exec", name, "printenv", "BENTOML__BENTO_SERVER__GRACE_S") == "28"
        # The network of podman is within that of Heroku's router.
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", "/livez", headers={"X-Forwarded-For": "192.0.2.1, 203.0.113.7"})
        connection.getresponse().read()
        connection.close()
        status, text = ask(port, "/sleep", "0")
        assert (status, json.loads(text)) == (200, HOSTILE)
        # Heroku sends SIGTERM to every process at once, the workers too.
        with ThreadPoolExecutor(1) as others:
            slow = others.submit(ask, port, "/sleep", "4")
            machine.run("podman", "exec", name, "sh", "-c", "sleep 1")
            began_s = time.monotonic()
            machine.run("podman", "exec", name, "sh", "-c", "kill -TERM -1")
            assert slow.result()[0] == 200
        assert machine.run("podman", "wait", name) == "0"
        assert time.monotonic() - began_s < 30
        lines = [line for line in machine.run("podman", "logs", name).splitlines() if "203.0.113.7" in line]
        assert len(lines) == 1, "the client, as the router says it, and not what the client says itself"
