"""`bentoml ray`, against a look-alike of the dashboard."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from bentoml.cli.main import commandline_interface
from bentoml.yatai.client import get_yatai_client
from bentoml.yatai.deployment_models import DeploymentQuery
from tests.cli.conftest import own_saved
from tests.cli.saved_home import SavedHome
from tests.deploy.ray.lookalike import LookAlike, running_lookalike

__all__ = ["own_saved"]


@pytest.fixture(autouse=True)
def work(tmp_path: Path, own_saved: SavedHome, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory to be in, and a home with `Scaler:1.0` and `Scaler:2.0`."""
    directory = tmp_path / "work"
    directory.mkdir()
    monkeypatch.chdir(directory)
    return directory


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> Iterator[LookAlike]:
    with running_lookalike() as found:
        monkeypatch.setenv("RAY_DASHBOARD_ADDRESS", f"{found.address}/")
        yield found


def run(line: str, status: int = 0) -> Result:
    done = CliRunner().invoke(commandline_interface, shlex.split(line))
    assert done.exit_code == status, done.output
    return done


def document(done: Result) -> dict[str, Any]:
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


def test_from_the_first_to_the_last_day(ray: LookAlike) -> None:
    line = "ray deploy Scaler:latest --name scaler --route-prefix /scaler --env LEVEL=1 --memory 2Gi -l team=core"
    found = document(run(line))
    assert found["spec"]["bentoVersion"] == "2.0"
    assert found["spec"]["rayOperatorConfig"]["address"] == ray.address, "the variable may say another one tomorrow"
    assert found["spec"]["rayOperatorConfig"]["memory_bytes"] == 2 << 30
    assert found["state"]["state"] == "RUNNING"
    application = ray.applications["dev-scaler"]["deployed_app_config"]
    assert application["args"]["env"] == {"LEVEL": "1"}
    assert "already, RUNNING; update it, or delete it" in run(line, 1).stderr
    found = document(run("ray update scaler -b Scaler:1.0 --max-replicas 3 --env '' -q"))
    assert found["spec"]["bentoVersion"] == "1.0"
    application = ray.applications["dev-scaler"]["deployed_app_config"]
    assert application["args"]["env"] == {}
    assert application["route_prefix"] == "/scaler", "what is not given stays"
    assert application["deployments"][0]["autoscaling_config"]["max_replicas"] == 3
    assert document(run("ray get scaler"))["state"]["state"] == "RUNNING"
    assert run("ray list -o wide").stdout.splitlines()[1].endswith("team:core")
    assert run("ray delete scaler").stdout == "Deleted deployment dev/scaler\n"
    assert ray.applications == {}
    assert ray.jobs == {}


def test_deploy_without_a_name_is_called_as_the_service(ray: LookAlike) -> None:
    assert document(run("ray deploy Scaler:1.0"))["name"] == "Scaler"
    assert list(ray.applications) == ["dev-Scaler"]


def test_deploy_when_dry_needs_no_cluster_and_records_nothing(work: Path) -> None:
    line = "ray deploy Scaler:1.0 --address http://127.0.0.1:1 --env KEY=value"
    done = run(f"{line} --dry-run --output-dir plan")
    assert "# 1. send Scaler:1.0 to the cluster" in done.stdout
    assert "serve deploy --address http://127.0.0.1:1 serve.yaml" in done.stdout
    assert "# Note: serve deploy serve.yaml makes these the only applications" in done.stdout
    assert (work / "plan" / "serve.yaml").is_file()
    assert get_yatai_client().registry.list_deployments(DeploymentQuery()) == []


def test_deploy_when_no_dashboard_answers_says_so() -> None:
    done = run("ray deploy Scaler:1.0 --address http://127.0.0.1:1", 1)
    assert "the dashboard of Ray at http://127.0.0.1:1 does not answer" in done.stderr


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ("--memory 2GB", "is no size"),
        ("--address head:8265", "that of the dashboard"),
        ("--env KEY", "is no NAME=VALUE"),
    ],
)
def test_deploy_when_an_option_cannot_be_says_so(options: str, text: str) -> None:
    done = CliRunner().invoke(commandline_interface, shlex.split(f"ray deploy Scaler:1.0 {options}"))
    assert done.exit_code != 0
    assert text in done.stderr


def test_a_file_deploys_to_ray(ray: LookAlike, work: Path) -> None:
    spec = {"operator": "RAY", "bentoName": "Scaler", "bentoVersion": "1.0", "rayOperatorConfig": {"cpus": 0.5}}
    (work / "scaler.json").write_text(
        json.dumps({"name": "scaler", "namespace": "dev", "spec": spec}), encoding="utf-8"
    )
    run("deployment apply -f scaler.json")
    application = ray.applications["dev-scaler"]["deployed_app_config"]
    assert application["deployments"][0]["ray_actor_options"] == {"num_cpus": 0.5}


def test_a_dashboard_that_asks_for_a_token_gets_the_one_that_is_set(
    ray: LookAlike, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ray.token = "sesame"
    done = run("ray deploy Scaler:1.0 --name scaler", 1)
    assert "asks for a token: set RAY_AUTH_TOKEN" in done.stderr
    (work / "token").write_text("sesame\n", encoding="ascii")
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(work / "token"))
    assert document(run("ray update scaler"))["state"]["state"] == "RUNNING"
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(work / "nowhere"))
    assert "the token of Ray cannot be read from" in run("ray delete scaler", 1).stderr
    monkeypatch.setenv("RAY_AUTH_TOKEN", "sesame")
    run("ray delete scaler")
    assert ray.applications == {}
