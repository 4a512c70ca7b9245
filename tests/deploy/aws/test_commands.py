"""`bentoml lambda` and `bentoml deployment`, against a look-alike of AWS."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from bentoml.cli.main import commandline_interface
from bentoml.yatai.client import get_yatai_client
from bentoml.yatai.deployment_models import DeploymentQuery
from tests.cli.saved_home import SavedHome
from tests.deploy.aws.cloud import ACCOUNT, REGION, Cloud

pytestmark = pytest.mark.environment("aws")

IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/scaler:1"


@pytest.fixture(autouse=True)
def work(tmp_path: Path, own_saved: SavedHome, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory to be in, and a home with `Scaler:1.0` and `Scaler:2.0`."""
    directory = tmp_path / "work"
    directory.mkdir()
    monkeypatch.chdir(directory)
    return directory


def run(line: str | list[str], status: int = 0) -> Result:
    words = shlex.split(line) if isinstance(line, str) else line
    done = CliRunner().invoke(commandline_interface, words)
    assert done.exit_code == status, done.output
    return done


def recorded() -> list[str]:
    return [each.full_name for each in get_yatai_client().registry.list_deployments(DeploymentQuery())]


def document(done: Result) -> dict[str, Any]:
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


def test_deployment_from_its_first_to_its_last_day(cloud: Cloud, engine: Path) -> None:
    made = run(f"lambda deploy scaler -b Scaler:latest --region {REGION} --env LEVEL=1 -l team=core")
    found = document(made)
    assert found["spec"]["bentoVersion"] == "2.0"
    settings = found["spec"]["awsLambdaOperatorConfig"]
    assert settings == {"region": REGION, "account": ACCOUNT, "env": {"LEVEL": "1"}}
    assert found["state"]["state"] == "RUNNING"
    endpoints = json.loads(found["state"]["infoJson"])["endpoints"]
    assert len(endpoints) == 3
    assert any(address.endswith("/scale_column") for address in endpoints)
    assert "apply the stack dev-scaler" in made.stderr
    assert set(cloud.functions()) == {"dev-scaler-scale", "dev-scaler-scale_column", "dev-scaler-fail"}

    updated = run("lambda update scaler -b Scaler:1.0 --api-name scale --memory-size 512 -q")
    assert updated.stderr == ""
    settings = document(updated)["spec"]["awsLambdaOperatorConfig"]
    assert settings["env"] == {"LEVEL": "1"}, "what is not given stays"
    (function,) = cloud.functions().values()
    assert function["MemorySize"] == 512
    assert "bentoml-aws/scaler:1.0" in engine.read_text()

    # Not done: the look-alike does not make again what an earlier update has removed.
    shown = run(["lambda", "update", "scaler", "--api-name", "", "--dry-run"]).stdout
    assert shown.count("AWS::Lambda::Function") == 3
    run(["lambda", "update", "scaler", "--env", "", "--no-wait"])
    (function,) = cloud.functions().values()
    assert function["Environment"]["Variables"] == {"BENTOML_LAMBDA_API": "scale"}
    assert yaml.safe_load(run("lambda get scaler -o yaml").stdout)["state"]["state"] == "RUNNING"
    _, row = run("lambda list").stdout.splitlines()
    assert row.split()[:5] == ["scaler", "dev", "aws-lambda", "Scaler:1.0", "running"]
    assert run("lambda delete scaler").stdout == "Deleted deployment dev/scaler\n"
    assert cloud.existing() == set()
    assert recorded() == []


def test_plan_needs_neither_credentials_nor_an_answer(monkeypatch: pytest.MonkeyPatch, work: Path) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(work / "config"))
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    assert "--region" in run("lambda deploy scaler -b Scaler:1.0 --dry-run", 1).stderr
    monkeypatch.setenv("AWS_REGION", "eu-north-1")
    shown = run("lambda deploy scaler -b Scaler:1.0 --dry-run --output-dir plan").stdout
    assert "aws ecr create-repository --region eu-north-1 --repository-name dev-scaler" in shown
    spec = {"operator": "aws-lambda", "bento_name": "Scaler", "bento_version": "1.0"}
    (work / "scaler.yml").write_text(yaml.safe_dump({"name": "scaler", "namespace": "dev", "spec": spec}))
    assert run("deployment create -f scaler.yml --dry-run").stdout == shown
    assert recorded() == []
    template = json.loads((work / "plan" / "template.json").read_text())
    assert template["Description"] == "Scaler:1.0 on AWS Lambda"
    subprocess.run(["sh", "-n", "steps.sh"], cwd=work / "plan", check=True)


def test_deploy_when_a_setting_cannot_be_leaves_no_record(cloud: Cloud) -> None:
    for options, said in (("--memory-size 100", "steps of 64"), ("--timeout 901", "900"), ("--region mars", "mars")):
        line = f"lambda deploy scaler -b Scaler:1.0 --region {REGION} {options}"
        assert said in run(line, 1).stderr
    assert recorded() == []
    assert cloud.existing() == set()


def test_deploy_without_credentials_says_what_to_do(monkeypatch: pytest.MonkeyPatch, work: Path) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(work / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    assert "aws configure" in run(f"lambda deploy scaler -b Scaler:1.0 --region {REGION}", 1).stderr
    assert recorded() == []


def test_file_from_its_first_to_its_last_day(cloud: Cloud, work: Path) -> None:
    config = {"region": REGION, "image": IMAGE, "memory_size": 256}
    spec = {"operator": "aws-lambda", "bento_name": "Scaler", "bento_version": "1.0"}
    whole = {"name": "scaler", "namespace": "dev", "spec": {**spec, "aws_lambda_operator_config": config}}
    (work / "scaler.yml").write_text(yaml.safe_dump(whole))
    found = document(run("deployment create -f scaler.yml -q"))
    assert found["spec"]["awsLambdaOperatorConfig"]["account"] == ACCOUNT
    assert {each["MemorySize"] for each in cloud.functions().values()} == {256}
    config["memory_size"] = 320
    (work / "scaler.yml").write_text(yaml.safe_dump(whole))
    run("deployment apply -f scaler.yml -q")
    assert {each["MemorySize"] for each in cloud.functions().values()} == {320}
    assert run("deployment delete scaler -q").stdout == "Deleted deployment dev/scaler\n"
    assert cloud.existing() == set()
