"""`bentoml sagemaker` and `bentoml deployment`, against a look-alike of AWS."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.cli.saved_home import SavedHome
from tests.deploy.aws.cloud import ACCOUNT, REGION, Cloud
from tests.deploy.aws.test_commands import document, recorded, run

pytestmark = pytest.mark.environment("aws")

IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/scaler:1"


@pytest.fixture(autouse=True)
def work(tmp_path: Path, own_saved: SavedHome, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory to be in, and a home with `Scaler:1.0` and `Scaler:2.0`."""
    directory = tmp_path / "work"
    directory.mkdir()
    monkeypatch.chdir(directory)
    return directory


def test_deployment_from_its_first_to_its_last_day(cloud: Cloud, engine: Path) -> None:
    line = f"sagemaker deploy scaler -b Scaler:latest --api-name scale --region {REGION} --env LEVEL=1 -l team=core"
    made = run(line)
    found = document(made)
    settings = found["spec"]["sagemakerOperatorConfig"]
    assert settings == {"region": REGION, "account": ACCOUNT, "apiName": "scale", "env": {"LEVEL": "1"}}
    assert (found["spec"]["bentoVersion"], found["state"]["state"]) == ("2.0", "RUNNING")
    info = json.loads(found["state"]["infoJson"])
    assert info["endpoint"]["EndpointStatus"] == "InService"
    assert info["endpoints"][0].endswith("/invocations")
    assert "dev/scaler: RUNNING, the endpoint is InService" in made.stderr

    scaled = "--instance-count 2 --autoscale-min-size 1 --autoscale-max-size 3"
    updated = document(run(f"sagemaker update scaler -b Scaler:1.0 {scaled} -q"))
    settings = updated["spec"]["sagemakerOperatorConfig"]
    assert (settings["instanceCount"], settings["autoscale_max_size"]) == (2, 3)
    assert settings["env"] == {"LEVEL": "1"}, "what is not given stays"
    assert "bentoml-aws/scaler:1.0" in engine.read_text()
    shown = run("sagemaker update scaler --autoscale-max-size 0 --dry-run").stdout
    assert "ScalableTarget" not in shown
    assert yaml.safe_load(run("sagemaker get scaler -o yaml").stdout)["state"]["state"] == "RUNNING"
    _, row = run("sagemaker list").stdout.splitlines()
    assert row.split()[:5] == ["scaler", "dev", "aws-sagemaker", "Scaler:1.0", "running"]
    assert len(run("deployment list -p sagemaker").stdout.splitlines()) == 2
    assert run("sagemaker delete scaler").stdout == "Deleted deployment dev/scaler\n"
    assert cloud.existing() == set()
    assert recorded() == []


def test_plan_needs_neither_credentials_nor_an_answer(monkeypatch: pytest.MonkeyPatch, work: Path) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", str(work / "config"))
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    line = "sagemaker deploy scaler -b Scaler:1.0 --region eu-north-1 --dry-run"
    assert (
        "Scaler has the APIs fail, scale, scale_column; say which one answers SageMaker: api_name"
        in run(line, 1).stderr
    )
    shown = run(f"{line} --api-name scale").stdout
    assert "aws ecr create-repository --region eu-north-1 --repository-name dev-scaler" in shown
    assert "AWS::SageMaker::Endpoint" in shown
    assert recorded() == []


def test_deploy_when_a_setting_cannot_be_leaves_no_record(cloud: Cloud) -> None:
    line = f"sagemaker deploy scaler -b Scaler:1.0 --api-name scale --region {REGION}"
    for options, said in (
        ("--instance-type t2.micro", "ml.m4.xlarge"),
        ("--instance-count 1001", "instance_count"),
        ("--data-capture-sample-percent 101", "1 to 100"),
        ("--api-name guess", "no API 'guess'"),
    ):
        assert said in run(f"{line} {options}", 1).stderr
    assert recorded() == []
    assert cloud.existing() == set()


def test_update_to_another_bundle_does_not_run_the_image_of_before(cloud: Cloud) -> None:
    run(f"sagemaker deploy scaler -b Scaler:1.0 --api-name scale --region {REGION} --image {IMAGE} -q")
    refused = run("sagemaker update scaler -b Scaler:2.0 -q", 1).stderr
    assert f"{IMAGE} is the image of Scaler:1.0: give --image for that of Scaler:2.0" in refused


def test_file_from_its_first_to_its_last_day(cloud: Cloud, work: Path) -> None:
    config = {"region": REGION, "image": IMAGE, "api_name": "scale", "instance_count": 2}
    spec = {"operator": "aws-sagemaker", "bento_name": "Scaler", "bento_version": "1.0"}
    whole = {"name": "scaler", "namespace": "dev", "spec": {**spec, "sagemaker_operator_config": config}}
    (work / "scaler.yml").write_text(yaml.safe_dump(whole))
    found = document(run("deployment create -f scaler.yml -q"))
    assert found["spec"]["sagemakerOperatorConfig"]["account"] == ACCOUNT
    assert document(run("deployment get scaler"))["state"]["state"] == "RUNNING"
    assert run("deployment delete scaler -q").stdout == "Deleted deployment dev/scaler\n"
    assert cloud.existing() == set()
