"""Each command line that is run here, read by the real az: its options, its checks, and what it makes of the files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bentoml.deploy.azure.az import current_subscription
from bentoml.deploy.plans import Deployments
from bentoml.exceptions import YataiDeploymentException
from bentoml.yatai.deployment_models import DeploymentPhase, Operator
from bentoml.yatai.local import LocalRegistry
from tests.deploy.azure.arm import SUBSCRIPTION
from tests.deploy.azure.lookalike import COMMANDS, ROOT, LookAlike
from tests.deploy.azure.test_deployer import APP, APPS, BOTH, FUNCTIONS, deployer_of, engine, wanted

__all__ = ["engine"]
pytestmark = [pytest.mark.environment("azure"), pytest.mark.timeout(300)]
ENV = {"URL": "http://a//b /* c */", "TEXT": "[parameters('site')] é\u2028 \"'\\ @x", "EMPTY": ""}
OPTIONS: dict[Operator, dict[str, Any]] = {
    FUNCTIONS: {"function_auth_level": "function", "min_instances": 2, "workers": 2},
    APPS: {"cpu": "1.5", "internal": True, "min_replicas": 0},
}


def read_by_az(calls: list[list[str]], directory: Path) -> subprocess.CompletedProcess[str]:
    """What the real az says to command lines, in a directory."""
    return subprocess.run(
        [sys.executable, "-m", "tests.deploy.azure.real_az"],
        input=json.dumps(calls),
        cwd=directory,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def names_of_commands(calls: list[list[str]]) -> set[str]:
    lines = [" ".join(call) for call in calls]
    return {name for name in COMMANDS if any(f"{line} ".startswith(f"{name} ") for line in lines)}


@BOTH
@pytest.mark.usefixtures("engine")
def test_az_takes_every_command_line_from_the_first_to_the_last(
    azure: LookAlike, registry: LocalRegistry, operator: Operator, tmp_path: Path
) -> None:
    assert current_subscription() == SUBSCRIPTION
    deployments = Deployments(registry, deployer_of(operator))
    azure.set(refused=[APP[operator]])
    with pytest.raises(YataiDeploymentException, match="DeploymentFailed"):
        deployments.deploy(wanted(operator, env=ENV, **OPTIONS[operator]))
    assert deployments.describe("dev", "iris").state.state is DeploymentPhase.FAILED
    azure.set(refused=[])
    deployments.update(wanted(operator, subscription=None, env=ENV, **OPTIONS[operator]))
    assert deployments.describe("dev", "iris").state.state is DeploymentPhase.RUNNING
    deployments.delete("dev", "iris")
    assert azure.read()["groups"] == {}
    calls: list[list[str]] = azure.read()["calls"]
    assert names_of_commands(calls) == set(COMMANDS) - ({"acr build"} if operator is APPS else set())
    for name, text in deployments.plan(wanted(operator, env=ENV, **OPTIONS[operator])).files.items():
        (tmp_path / "plan" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "plan" / name).write_text(text, encoding="utf-8")
    done = read_by_az(calls, tmp_path / "plan")
    assert (done.returncode, done.stdout) == (0, f"{len(calls)}\n"), done.stderr


WRONG = [
    (["group", "create", "--name=iris"], "required: --location"),
    (["group", "show", "--name=iris", "--nmae=iris"], "--nmae=iris"),
    (["deployment", "group", "create", "--resource-group=iris", "--template-file=none.json"], "none.json"),
]


@pytest.mark.parametrize(("words", "text"), WRONG, ids=[text for _, text in WRONG])
def test_az_refuses_what_is_wrong(tmp_path: Path, words: list[str], text: str) -> None:
    done = read_by_az([["account", "show"], words], tmp_path)
    assert done.returncode != 0
    assert text in done.stderr


def test_az_when_a_parameter_is_not_in_the_template_would_send_another(tmp_path: Path) -> None:
    (tmp_path / "app.json").write_text('{"parameters": {"a": {"type": "string"}}, "resources": []}', encoding="utf-8")
    (tmp_path / "app.parameters.json").write_text('{"parameters": {"a": {"value": "b"}}}', encoding="utf-8")
    place = ["--resource-group=iris", "--name=app", "--template-file=app.json"]
    done = read_by_az([["deployment", "group", "create", *place, "--parameters", "a=c"]], tmp_path)
    assert "AssertionError" in done.stderr
