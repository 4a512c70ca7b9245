"""The image of a bundle, run as SageMaker runs it: with the word `serve` behind its name, and variables."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.deploy.containers.running import BENTOML, MARKS, ask, container, save, wait_until_ready

if TYPE_CHECKING:
    from tests.deploy.containers.machine import Machine

pytestmark = MARKS
IMAGE = "localhost/numbers:1"
SERVICE = """
import bentoml
from bentoml.adapters import JsonInput


class Numbers(bentoml.BentoService):
    @bentoml.api(input=JsonInput(), batch=True)
    def double(self, numbers):
        return [2 * number for number in numbers]

    @bentoml.api(input=JsonInput(), batch=False)
    def negate(self, number):
        return -number


Numbers().save(version="1")
"""
VARIABLES = {"API_NAME": "double", "BENTOML_GUNICORN_TIMEOUT": "30", "BENTOML_GUNICORN_NUM_OF_WORKERS": "2"}


@pytest.fixture(scope="module")
def image(machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> str:
    home = tmp_path_factory.mktemp("home")
    save(SERVICE, home, tmp_path_factory.mktemp("numbers"))
    machine.run(BENTOML, "containerize", "Numbers:1", "--tag", IMAGE, "--engine", "podman",
                BENTOML_HOME=str(home))  # fmt: skip
    return IMAGE


def test_container_answers_as_sagemaker_asks(machine: Machine, image: str) -> None:
    variables = [word for pair in VARIABLES.items() for word in ("-e", "=".join(pair))]
    with container(machine, *variables, "--", image, "serve", port=8080) as (found, port):
        wait_until_ready(machine, found, port)
        assert ask(port, "/ping") == (200, "")
        assert ask(port, "/invocations", "21") == (200, "42")
        parameters = json.loads(ask(port, "/execution-parameters")[1])
        assert parameters == {"MaxConcurrentTransforms": 5, "BatchStrategy": "SINGLE_RECORD", "MaxPayloadInMB": 20}
        assert ask(port, "/negate", "21") == (200, "-21")
        machine.run("podman", "exec", found, "bentoml", "healthcheck")


def test_container_listens_where_sagemaker_says(machine: Machine, image: str) -> None:
    words = ("-e", "SAGEMAKER_BIND_TO_PORT=8085", "-e", "API_NAME=negate", "--", image, "serve")
    with container(machine, *words, port=8085) as (found, port):
        wait_until_ready(machine, found, port)
        assert ask(port, "/invocations", "21") == (200, "-21")
    labels = json.loads(machine.run("podman", "inspect", image))[0]["Labels"]
    assert labels["com.amazonaws.sagemaker.capabilities.accept-bind-to-port"] == "true"
    assert not any("multi-models" in name for name in labels)


def test_container_that_is_not_told_which_api_ends_with_a_reason(machine: Machine, image: str) -> None:
    with container(machine, "--", image, "serve", port=8080) as (found, _):
        assert machine.run("podman", "wait", found) == "1"
        logs = machine.run("sh", "-c", 'podman logs "$0" 2>&1', found)
        assert "say which one answers SageMaker" in logs


def test_container_that_is_not_asked_to_serve_sagemaker_has_no_such_paths(machine: Machine, image: str) -> None:
    with container(machine, "--", image) as (found, port):
        wait_until_ready(machine, found, port)
        assert ask(port, "/ping")[0] == 404
        assert ask(port, "/invocations", "1")[0] == 404
