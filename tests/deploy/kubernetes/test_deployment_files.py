"""`bentoml deployment create`, `apply` and `delete`, with a real kubectl against a look-alike of a cluster."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from bentoml.cli.main import commandline_interface
from bentoml.yatai.client import get_yatai_client
from bentoml.yatai.deployment_models import DeploymentQuery, DeploymentSpec, NewDeployment, Operator
from tests.cli.saved_home import SavedHome
from tests.deploy.kubernetes.lookalike import LookAlike


@pytest.fixture(autouse=True)
def work(tmp_path: Path, own_saved: SavedHome, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with a file of a deployment, and a home with `Scaler:1.0` and `Scaler:2.0`."""
    directory = tmp_path / "work"
    directory.mkdir()
    monkeypatch.chdir(directory)
    write(directory)
    return directory


def write(directory: Path, name: str = "scaler.yml", **spec: Any) -> None:
    config = {"image": "scaler", "replicas": 2, **spec.pop("config", {})}
    whole = {
        "operator": "kubernetes",
        "bento_name": "Scaler",
        "bento_version": "1.0",
        "kubernetes_operator_config": config,
        **spec,
    }
    document = {"name": "scaler", "namespace": "dev", "labels": {"team": "core"}, "spec": whole}
    (directory / name).write_text(yaml.safe_dump(document))


def run(line: str, status: int = 0) -> Result:
    done = CliRunner().invoke(commandline_interface, ["deployment", *shlex.split(line)])
    assert done.exit_code == status, done.output
    return done


def recorded() -> list[str]:
    return [each.full_name for each in get_yatai_client().registry.list_deployments(DeploymentQuery())]


def test_file_from_its_first_to_its_last_day(cluster: LookAlike, work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster.pods_run = True
    found = json.loads(run("create -f scaler.yml -q").stdout)
    assert found["state"]["state"] == "RUNNING"
    assert found["labels"] == {"team": "core"}
    assert "already, RUNNING" in run("create -f scaler.yml", 1).stderr

    write(work, bento_version="2.0", config={"replicas": 3})
    other = work / "other-kubeconfig"
    configuration = {"apiVersion": "v1", "kind": "Config", "contexts": [{"name": "other", "context": {"cluster": "x"}}]}
    known = json.loads((work.parent / "kubeconfig").read_text())
    other.write_text(json.dumps({**known, **configuration, "contexts": [*known["contexts"], *configuration["contexts"]],
                                 "current-context": "other"}))  # fmt: skip
    monkeypatch.setenv("KUBECONFIG", str(other))
    found = json.loads(run("apply -f scaler.yml -q").stdout)
    assert found["spec"]["kubernetesOperatorConfig"]["context"] == "test", "kubectl means another cluster now"
    spec = cluster.get("deployments", "dev", "scaler")["spec"]
    assert spec["replicas"] == 3
    assert spec["template"]["spec"]["containers"][0]["image"] == "scaler:2.0"
    assert run("delete scaler -q").stdout == "Deleted deployment dev/scaler\n"
    assert cluster.existing() == set()
    assert recorded() == []


def test_apply_when_it_is_new_makes_it(cluster: LookAlike) -> None:
    done = run("apply -f scaler.yml --no-wait")
    assert "apply Deployment scaler" in done.stderr
    assert recorded() == ["dev/scaler"]


def test_apply_when_it_has_failed_half_way_goes_on(cluster: LookAlike) -> None:
    cluster.pods_run = True
    cluster.refused.add("Service")
    assert "apply Service scaler" in run("apply -f scaler.yml", 1).stderr
    assert json.loads(run("get scaler").stdout)["state"]["state"] == "FAILED"
    cluster.refused.clear()
    assert json.loads(run("apply -f scaler.yml -q").stdout)["state"]["state"] == "RUNNING"


def test_apply_when_dry_needs_no_cluster_and_records_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert "kubectl --namespace=dev apply --filename=service.yaml" in run("apply -f scaler.yml --dry-run").stdout
    assert recorded() == []


BAD = [
    ("a: [b", "is no YAML"),
    ("- a", "must be a mapping"),
    ("name: scaler", "names no operator: write spec.operator"),
    (
        "name: scaler\nspec: {operator: kubernetes, aws_lambda_operator_config: {timeout: 3}}",
        "is kubernetes, and aws_lambda_operator_config are settings of another one: write kubernetes_operator_config",
    ),
    ("name: scaler\nspec: {operator: nowhere}", "There is no operator 'nowhere'"),
    ("name: scaler\nspec: {operator: custom, bento_name: S, bento_version: '1'}", "and not to custom"),
    ("name: scaler\nspec: {operator: kubernetes, bento_name: Scaler, bento_version: latest}", "tomorrow"),
    ("name: scaler\nspec: {operator: kubernetes, bento_name: Scaler, bento_version: '1.0'}", "image is missing"),
]


@pytest.mark.parametrize(("text", "reason"), BAD, ids=[reason for _, reason in BAD])
def test_file_when_it_is_no_deployment_is_refused(cluster: LookAlike, work: Path, text: str, reason: str) -> None:
    (work / "bad.yml").write_text(text)
    for verb in ("create", "apply"):
        assert reason in run(f"{verb} -f bad.yml", 1).stderr
    assert recorded() == []
    assert cluster.existing() == set()


def test_delete_when_another_program_looks_after_it_says_so() -> None:
    spec = DeploymentSpec("Scaler", "1.0", Operator.CUSTOM)
    get_yatai_client().registry.apply_deployment(NewDeployment("dev", "scaler", spec))
    assert "and not to custom" in run("delete scaler", 1).stderr
    assert recorded() == ["dev/scaler"]
