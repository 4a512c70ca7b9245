"""`bentoml ecs` and `bentoml ec2`, against a look-alike of AWS."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.aws.cloud import ACCOUNT, REGION, Cloud
from tests.deploy.aws.test_commands import document, recorded, run, work

__all__ = ["work"]

pytestmark = pytest.mark.environment("aws")

IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/scaler:1"
PARAMETER = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/key"


def network_words(cloud: Cloud) -> str:
    found = cloud.network()
    return " ".join([f"--vpc {found['vpc']}", *(f"--subnet {each}" for each in found["subnets"])])


def settings_of(found: dict[str, Any]) -> dict[str, Any]:
    (config,) = [value for key, value in found["spec"].items() if key.endswith("OperatorConfig")]
    assert isinstance(config, dict)
    return config


def test_tasks_from_their_first_to_their_last_day(cloud: Cloud) -> None:
    words = f"--region {REGION} --image {IMAGE} {network_words(cloud)} --secret KEY={PARAMETER} --allow-from 10.0.0.0/8"
    found = document(run(f"ecs deploy scaler -b Scaler:latest {words} --replicas 2 --env LEVEL=1 -l team=core"))
    settings = settings_of(found)
    assert (settings["replicas"], settings["secrets"]) == (2, {"KEY": PARAMETER})
    assert settings["allow_from"] == ["10.0.0.0/8"]
    assert found["state"]["state"] == "RUNNING"
    info = json.loads(found["state"]["infoJson"])
    assert info["tasks"]["desired"] == 2

    assert "give --image for that of Scaler:1.0" in run("ecs update scaler -b Scaler:1.0", 1).stderr
    other = IMAGE.replace(":1", ":2")
    updated = run(f"ecs update scaler -b Scaler:1.0 --image {other} --cpu 512 --memory 1024 --cpu-target-percent 0 -q")
    assert updated.stderr == ""
    settings = settings_of(document(updated))
    assert settings["cpu_target_percent"] is None
    assert settings["env"] == {"LEVEL": "1"}, "what is not given stays"
    settings = settings_of(document(run(["ecs", "update", "scaler", "--allow-from", "", "--env", "", "-q"])))
    assert "allow_from" not in settings
    assert "env" not in settings
    template = cloud.client("cloudformation").get_template(StackName="dev-scaler")["TemplateBody"]
    assert template["Resources"]["Task"]["Properties"]["Cpu"] == "512"
    _, row = run("ecs list").stdout.splitlines()
    assert row.split()[:5] == ["scaler", "dev", "ecs", "Scaler:1.0", "running"]
    assert run("ecs delete scaler").stdout == "Deleted deployment dev/scaler\n"
    assert cloud.existing() == set()
    assert recorded() == []


def test_instances_from_their_first_to_their_last_day(cloud: Cloud) -> None:
    words = f"--region {REGION} --image {IMAGE} {network_words(cloud)} --max-size 3 --desired-capacity 2"
    found = document(run(f"ec2 deploy scaler -b Scaler:1.0 {words}"))
    assert settings_of(found)["autoscaleDesiredCapacity"] == 2
    assert len(json.loads(found["state"]["infoJson"])["InstanceDetails"]) == 2
    settings = settings_of(document(run("ec2 update scaler --instance-type t4g.small -q")))
    assert (settings["instanceType"], settings["autoscaleMaxSize"]) == ("t4g.small", 3)
    assert yaml.safe_load(run("ec2 get scaler -o yaml").stdout)["state"]["state"] == "RUNNING"
    assert "min_size" in run("ec2 update scaler --min-size 4", 1).stderr
    assert run("ec2 delete scaler -q").stdout == "Deleted deployment dev/scaler\n"
    assert cloud.existing() == set()


def test_file_from_its_first_to_its_last_day(cloud: Cloud, work: Path) -> None:
    config = {"region": REGION, "image": IMAGE, **cloud.network(), "autoscale_max_size": 2}
    spec = {"operator": "aws-ec2", "bento_name": "Scaler", "bento_version": "1.0", "aws_ec2_operator_config": config}
    (work / "scaler.yml").write_text(yaml.safe_dump({"name": "scaler", "namespace": "dev", "spec": spec}))
    found = document(run("deployment apply -f scaler.yml -q"))
    assert settings_of(found)["account"] == ACCOUNT
    assert run("deployment delete scaler -q").stdout == "Deleted deployment dev/scaler\n"
    assert cloud.existing() == set()


@pytest.mark.parametrize("group", ["ecs", "ec2"])
def test_plan_needs_neither_credentials_nor_an_answer(monkeypatch: pytest.MonkeyPatch, work: Path, group: str) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(work / "config"))
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_REGION", "eu-north-1")
    shown = run(f"{group} deploy scaler -b Scaler:1.0 --dry-run --output-dir plan").stdout
    assert "aws ecr create-repository --region eu-north-1 --repository-name dev-scaler" in shown
    assert 'docker tag bentoml-aws/scaler:1.0 "$REPOSITORY:1.0"' in shown
    assert '--parameter-overrides Image="$IMAGE"' in shown
    assert recorded() == []
    assert json.loads((work / "plan" / "template.json").read_text())["Parameters"] == {"Image": {"Type": "String"}}
    subprocess.run(["sh", "-n", "steps.sh"], cwd=work / "plan", check=True)
