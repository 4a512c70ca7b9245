"""Deployments whose records are in the registry of a team, on a server of its own."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator

import pytest
from click.testing import CliRunner, Result

from bentoml.cli.main import commandline_interface
from bentoml.yatai.client import get_yatai_client
from bentoml.yatai.deployment_models import DeploymentQuery
from tests.cli.saved_home import SavedHome
from tests.deploy.kubernetes.lookalike import LookAlike
from tests.yatai.server.live_registry import LiveRegistry, live_registry


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveRegistry]:
    with live_registry(tmp_path_factory.mktemp("server")) as running:
        yield running


def run(line: str, status: int = 0) -> Result:
    done = CliRunner().invoke(commandline_interface, shlex.split(line))
    assert done.exit_code == status, done.output
    return done


def test_deployment_when_the_registry_is_elsewhere_is_recorded_there_alone(
    server: LiveRegistry,
    cluster: LookAlike,
    own_saved: SavedHome,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BENTOML__YATAI__REMOTE__URL", server.url)
    cluster.pods_run = True
    run("push Scaler:1.0")
    cluster.refused.add("Service")
    assert "apply Service scaler" in run("kubernetes deploy scaler -b Scaler:1.0 --image scaler", 1).stderr
    assert get_yatai_client("").registry.list_deployments(DeploymentQuery()) == []

    # A colleague, who has nothing but the address, goes on.
    monkeypatch.setenv("BENTOML_HOME", str(tmp_path_factory.mktemp("colleague")))
    seen = json.loads(run("kubernetes get scaler").stdout)
    assert seen["state"]["state"] == "FAILED"
    assert [each["kind"] for each in seen["resources"]] == ["NetworkPolicy", "Deployment", "Service"]
    cluster.refused.clear()
    assert json.loads(run("kubernetes update scaler -q").stdout)["state"]["state"] == "RUNNING"
    assert run("deployment list").stdout.splitlines()[1].split()[:5] == [
        *("scaler", "dev", "kubernetes", "Scaler:1.0", "running")
    ]
    run("kubernetes delete scaler")
    assert cluster.existing() == set()
    assert len(run("kubernetes list").stdout.splitlines()) == 1
