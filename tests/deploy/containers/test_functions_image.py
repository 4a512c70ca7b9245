"""The image of a function app, built as Azure builds it, and run with a look-alike of the Functions host in it."""

from __future__ import annotations

import http.client
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bentoml.deploy.azure.functions_site import PORT, site_files
from tests.deploy.containers import functions_host
from tests.deploy.containers.running import BENTOML, MARKS, ask, container, save, wait_until_ready

if TYPE_CHECKING:
    from tests.deploy.containers.machine import Machine

pytestmark = MARKS
BASE, HOST, IMAGE = "localhost/doubler:2", "localhost/functions-host:4", "localhost/doubler-functions:2"
SERVICE = """
import bentoml
from bentoml.adapters import JsonInput


class Doubler(bentoml.BentoService):
    @bentoml.api(input=JsonInput(), batch=False)
    def double(self, number):
        return 2 * number


Doubler().save(version="2")
"""
# The real host is a program for .NET; this one is run by the Python of the image, under its name.
HOST_FILE = """\
FROM scratch
COPY host /azure-functions-host/Microsoft.Azure.WebJobs.Script.WebHost
COPY dotnet /usr/share/dotnet/dotnet
"""


@pytest.fixture(scope="module")
def image(machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> str:
    home, work = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("work")
    save(SERVICE, home, work)
    machine.run(BENTOML, "containerize", "Doubler:2", "--tag", BASE, "--engine", "podman", BENTOML_HOME=str(home))
    host = work / "host-image"
    host.mkdir()
    source = Path(functions_host.__file__).read_text(encoding="utf-8")
    (host / "host").write_text(f"#!/opt/bentoml/bin/python\n{source}", encoding="utf-8")
    (host / "host").chmod(0o755)
    (host / "dotnet").write_text("", encoding="utf-8")
    (host / "Dockerfile").write_text(HOST_FILE, encoding="utf-8")
    machine.run("podman", "build", "-t", HOST, str(host))
    for name, text in site_files("function").items():
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_text(text, encoding="utf-8")
    words = ("--build-arg", f"IMAGE={BASE}", "--build-arg", f"HOST_IMAGE={HOST}", "-t", IMAGE)
    machine.run("podman", "build", "--format", "docker", *words, str(work / "image"))
    return IMAGE


def ask_with_key(port: int, path: str, body: str, key: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("POST", path, body, {"Content-Type": "application/json", "x-functions-key": key})
    answer = connection.getresponse()
    found = answer.status, answer.read().decode()
    connection.close()
    return found


def test_image_answers_behind_the_host_that_starts_it(machine: Machine, image: str) -> None:
    # Azure says in PORT where the host has to listen.
    with container(machine, "--env", f"PORT={PORT}", "--cap-drop", "ALL", "--", image, port=PORT) as (found, port):
        wait_until_ready(machine, found, port)
        assert ask(port, "/livez")[0] == 200
        assert ask(port, "/double", "21")[0] == 401
        assert ask_with_key(port, "/double", "21", functions_host.KEY) == (200, "42")
        assert ask_with_key(port, "/double?x=1", "[", functions_host.KEY)[0] == 400
        assert ask_with_key(port, "/admin/host/status", "", functions_host.KEY)[0] == 404
        assert machine.run("podman", "exec", found, "id", "-un") == "bentoml"
        machine.run("podman", "stop", "-t", "60", found)
        assert machine.run("podman", "inspect", found, "--format", "{{.State.ExitCode}}") == "0"
    settings = machine.inspect(image)["Config"]
    assert json.loads(json.dumps(settings))["Cmd"] == ["/azure-functions-host/Microsoft.Azure.WebJobs.Script.WebHost"]
