"""The image of a function of Lambda, built and run as Lambda runs it: a user of its own, and only /tmp to write to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bentoml.deploy.aws.function_image import dockerfile
from tests.deploy.aws.runtime_api import running_function
from tests.deploy.containers.running import BENTOML, MARKS, save

if TYPE_CHECKING:
    from tests.deploy.containers.machine import Machine

pytestmark = MARKS
BASE, IMAGE, NAME = "localhost/doubler:1", "localhost/doubler-function:1", "doubler-function"
SERVICE = """
import bentoml
from bentoml.adapters import JsonInput


class Doubler(bentoml.BentoService):
    @bentoml.api(input=JsonInput(), batch=False)
    def double(self, number):
        return 2 * number


Doubler().save(version="1")
"""
LOCKED = (
    "--read-only",
    "--read-only-tmpfs=false",
    "--tmpfs",
    "/tmp:mode=1777",
    "--cap-drop",
    "ALL",
    "--network",
    "host",
)
PASSED = (
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "BENTOML_LAMBDA_API",
)


@pytest.fixture(scope="module")
def image(machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> str:
    home, directory = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("function")
    save(SERVICE, home, directory)
    (directory / "Dockerfile").write_text(dockerfile(BASE))
    machine.run(BENTOML, "containerize", "Doubler:1", "--tag", BASE, "--engine", "podman", BENTOML_HOME=str(home))
    machine.run("podman", "build", "--format", "docker", "-t", IMAGE, str(directory))
    return IMAGE


def test_image_answers_events_as_a_user_that_it_does_not_know(machine: Machine, image: str, tmp_path: Path) -> None:
    passed = [word for name in PASSED for word in ("--env", name)]
    argv = ["podman", "run", "--name", NAME, "--user", "993:990", *LOCKED, *passed, image]
    variables = {**machine.env, "BENTOML_LAMBDA_API": "double"}
    try:
        with running_function(argv, tmp_path, variables) as runtime:
            for number in (21, 4):
                kind, answer = runtime.invoke({"body": json.dumps(number), "headers": {}})
                assert kind == "response", answer
                assert (answer["statusCode"], json.loads(answer["body"])) == (200, 2 * number)
    finally:
        machine.run("podman", "rm", "-f", "-t", "0", NAME)
