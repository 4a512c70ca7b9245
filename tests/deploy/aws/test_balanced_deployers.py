"""The deployers for ECS and EC2 with boto3, against a look-alike of AWS."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bentoml.deploy.aws.balanced_deployer import BalancedDeployer
from bentoml.deploy.aws.ec2_deployer import Ec2Deployer
from bentoml.deploy.aws.ecs_deployer import EcsDeployer
from bentoml.deploy.plans import Deployments, plan_text
from bentoml.exceptions import InvalidArgument, YataiDeploymentException
from bentoml.yatai.deployment_models import DeploymentPhase, DeploymentSpec, NewDeployment, Operator
from bentoml.yatai.local import LocalRegistry
from tests.cli.saved_home import SavedHome
from tests.deploy.aws.balanced import CERTIFICATE
from tests.deploy.aws.cloud import ACCOUNT, REGION, Cloud
from tests.deploy.plans.deployer_contract import DeployerContract

pytestmark = pytest.mark.environment("aws")

KINDS: dict[str, tuple[type[BalancedDeployer], Operator]] = {
    "ecs": (EcsDeployer, Operator.ECS),
    "ec2": (Ec2Deployer, Operator.AWS_EC2),
}
HOST = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"


class Rig:
    """A deployer with the look-alike."""

    def __init__(self, kind: str, cloud: Cloud, saved: SavedHome) -> None:
        self.kind = kind
        self.cloud = cloud
        self.deployer = KINDS[kind][0](lambda tag: saved.bundle, "podman")
        self.network = cloud.network()
        self.wanted = self.asked()

    def asked(self, bundle: str = "Iris:1", **config: Any) -> NewDeployment:
        name, version = bundle.split(":")
        settings = {"region": REGION, "account": ACCOUNT, **self.network, **config}
        return NewDeployment("dev", "iris", DeploymentSpec(name, version, KINDS[self.kind][1], settings))

    def existing(self) -> set[str]:
        return self.cloud.existing()

    def cut(self) -> None:
        self.cloud.cut()

    def version(self) -> str:
        """What runs, in a word that changes with the image."""
        if self.kind == "ecs":
            found = self.cloud.client("ecs").list_task_definitions()["taskDefinitionArns"]
            return str(max(found))
        (found,) = self.cloud.client("ec2").describe_launch_templates()["LaunchTemplates"]
        return str(found["LatestVersionNumber"])


@pytest.fixture(params=["ecs", "ec2"])
def rig(request: pytest.FixtureRequest, cloud: Cloud, engine: Path, saved: SavedHome) -> Rig:
    return Rig(request.param, cloud, saved)


@pytest.fixture
def deployments(registry: LocalRegistry, rig: Rig) -> Deployments:
    return Deployments(registry, rig.deployer)


class TestBalancedDeployers(DeployerContract):
    """Of both."""


def test_deployment_from_its_first_to_its_last_day(
    rig: Rig, deployments: Deployments, engine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = deployments.deploy(rig.wanted)
    assert [each.kind for each in made.resources] == ["ecr_repository", "cloudformation_stack"]
    lines = engine.read_text().splitlines()
    assert any(line.startswith(f"tag bentoml-aws/iris:1 {HOST}/dev-iris:1") for line in lines)
    assert any(line.startswith(f"push {HOST}/dev-iris:1") for line in lines)
    first = rig.cloud.parameters("dev-iris")["Image"]
    assert first.startswith(f"{HOST}/dev-iris@sha256:")

    seen = deployments.describe("dev", "iris").state
    assert seen.state is DeploymentPhase.RUNNING
    assert seen.info["endpoints"] == [seen.info["Url"]]
    assert seen.info["Url"].startswith("http://")
    assert seen.info["TargetGroup"].startswith("arn:aws:elasticloadbalancing:")
    if rig.kind == "ec2":
        (instance,) = seen.info["InstanceDetails"]
        assert instance["state"] == "InService"
        assert "1 of 1 instances are in service" in seen.info["message"]
    else:
        assert seen.info["tasks"]["desired"] == 1
        assert "of 1 tasks run" in seen.info["message"]

    before = rig.version()
    monkeypatch.setenv("CONTENT", "b")
    deployments.update(rig.asked("Iris:2"))
    assert rig.cloud.parameters("dev-iris")["Image"] != first
    assert rig.version() != before, "another image rolls"
    assert deployments.describe("dev", "iris").state.info["stack_status"] == "UPDATE_COMPLETE"
    deployments.delete("dev", "iris")
    assert rig.existing() == set()


def test_deploy_when_the_stack_cannot_be_made_records_what_exists_which_can_be_removed(
    rig: Rig, deployments: Deployments, registry: LocalRegistry
) -> None:
    with pytest.raises(YataiDeploymentException, match="certificate was not found"):
        deployments.deploy(rig.asked(certificate=CERTIFICATE))
    record = registry.find_deployment("dev", "iris")
    assert record.state.state is DeploymentPhase.FAILED
    assert [each.kind for each in record.resources] == ["ecr_repository", "cloudformation_stack"]
    assert len(rig.existing()) == 2
    deployments.delete("dev", "iris")
    assert rig.existing() == set()


def test_stack_with_a_network_of_its_own_is_made(rig: Rig, deployments: Deployments) -> None:
    rig.network = {}
    deployments.deploy(rig.asked())
    assert deployments.describe("dev", "iris").state.state is DeploymentPhase.RUNNING
    networks = [each["CidrBlock"] for each in rig.cloud.client("ec2").describe_vpcs()["Vpcs"]]
    assert "10.0.0.0/23" in networks


def test_plan_says_what_a_person_should_know(rig: Rig, deployments: Deployments) -> None:
    plain, secure = deployments.plan(rig.wanted), deployments.plan(rig.asked(certificate=CERTIFICATE))
    assert "not encrypted" in " ".join(plain.notes)
    assert "alias" in " ".join(secure.notes)
    slow = deployments.plan(rig.asked(env={"BENTOML__BENTO_SERVER__GRACE_S": "300"}))
    assert ("Fargate ends a task 120 seconds" in " ".join(slow.notes)) is (rig.kind == "ecs")
    assert "--parameter-overrides" in plan_text(plain)


def test_plan_when_the_variables_are_too_long_says_what_to_do(rig: Rig, deployments: Deployments) -> None:
    with pytest.raises(InvalidArgument, match="put long values"):
        deployments.plan(rig.asked(env={"LONG": "x" * 60_000}))
