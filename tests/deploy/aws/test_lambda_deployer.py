"""The deployer with boto3, against a look-alike of AWS."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bentoml.deploy.aws.lambda_deployer import LambdaDeployer
from bentoml.deploy.aws.place import OWNER
from bentoml.deploy.plans import Deployments, plan_text
from bentoml.exceptions import InvalidArgument, YataiDeploymentException
from bentoml.yatai.deployment_models import DeploymentPhase, DeploymentSpec, NewDeployment, Operator
from bentoml.yatai.local import LocalRegistry
from tests.cli.saved_home import SavedHome
from tests.deploy.aws.cloud import ACCOUNT, REGION, Cloud
from tests.deploy.plans.deployer_contract import DeployerContract

pytestmark = pytest.mark.environment("aws")

IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/iris:1"


def wanted(bundle: str = "Iris:1", **config: Any) -> NewDeployment:
    name, version = bundle.split(":")
    settings = {"region": REGION, "account": ACCOUNT, **config}
    return NewDeployment("dev", "iris", DeploymentSpec(name, version, Operator.AWS_LAMBDA, settings))


@pytest.fixture
def deployer(saved: SavedHome) -> LambdaDeployer:
    """It builds the image of another bundle than that of the registry, which has no Dockerfile."""
    return LambdaDeployer(lambda tag: saved.bundle, "podman")


class LambdaRig:
    def __init__(self, cloud: Cloud, deployer: LambdaDeployer) -> None:
        self.cloud = cloud
        self.deployer = deployer
        self.wanted = wanted()

    def existing(self) -> set[str]:
        return self.cloud.existing()

    def cut(self) -> None:
        self.cloud.cut()


class TestLambdaDeployer(DeployerContract):
    @pytest.fixture
    def rig(self, cloud: Cloud, engine: Path, deployer: LambdaDeployer) -> LambdaRig:
        return LambdaRig(cloud, deployer)


@pytest.fixture
def deployments(registry: LocalRegistry, deployer: LambdaDeployer) -> Deployments:
    return Deployments(registry, deployer)


def test_deploy_builds_and_pushes_the_image_and_shows_its_password_to_nobody(
    deployer: LambdaDeployer, cloud: Cloud, engine: Path, registry: LocalRegistry
) -> None:
    said: list[str] = []
    made = Deployments(registry, deployer, said.append).deploy(wanted())
    lines = engine.read_text().splitlines()
    host = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
    (login,) = (line for line in lines if line.startswith("login"))
    words, _, password = login.partition(" < ")
    assert words.split() == ["login", "--username", "AWS", "--password-stdin", host]
    assert password
    assert not any(password in line for line in [*said, *(line for line in lines if line != login)])
    assert password not in json.dumps(made.to_json())
    builds = [line for line in lines if line.startswith("build")]
    assert "--tag=bentoml-aws/iris:1" in builds[0]
    assert "--platform=linux/amd64" in builds[0]
    assert f"--tag={host}/dev-iris:1" in builds[1]
    assert "--platform=linux/amd64" in builds[1]
    assert any(line.startswith("push") and f"{host}/dev-iris:1" in line for line in lines)


def test_deploy_makes_a_function_for_each_api_and_update_changes_it(deployments: Deployments, cloud: Cloud) -> None:
    deployments.deploy(wanted(image=IMAGE, env={"LEVEL": "1"}))
    assert cloud.repositories() == []
    (function,) = cloud.functions().values()
    assert function["FunctionName"] == "dev-iris-predict"
    assert (function["MemorySize"], function["Timeout"]) == (1024, 3)
    assert function["Environment"]["Variables"] == {"LEVEL": "1", "BENTOML_LAMBDA_API": "predict"}
    seen = deployments.describe("dev", "iris")
    assert seen.state.state is DeploymentPhase.RUNNING
    assert seen.state.info["stack_status"] == "CREATE_COMPLETE"

    deployments.update(wanted(image=IMAGE, memory_size=2048, timeout=20))
    (function,) = cloud.functions().values()
    assert (function["MemorySize"], function["Timeout"]) == (2048, 20)
    seen = deployments.describe("dev", "iris")
    assert seen.state.state is DeploymentPhase.RUNNING
    assert seen.state.info["stack_status"] == "UPDATE_COMPLETE"

    deployments.delete("dev", "iris")
    assert cloud.existing() == set()
    assert cloud.functions() == {}


def test_update_of_the_same_version_with_another_image_changes_the_functions(
    deployments: Deployments, cloud: Cloud, engine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployments.deploy(wanted())
    first = cloud.parameters("dev-iris")
    assert first["Image"].startswith(f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/dev-iris@sha256:")
    deployments.update(wanted())
    assert cloud.parameters("dev-iris") == first
    monkeypatch.setenv("CONTENT", "b")
    deployments.update(wanted())
    assert cloud.parameters("dev-iris") != first


def test_update_to_an_image_of_its_own_removes_the_repository(
    deployments: Deployments, cloud: Cloud, engine: Path
) -> None:
    deployments.deploy(wanted())
    assert cloud.repositories() == ["dev-iris"]
    made = deployments.update(wanted(image=IMAGE))
    assert cloud.repositories() == []
    assert [each.kind for each in made.resources] == ["cloudformation_stack"]


def test_deploy_when_the_image_cannot_be_pushed_records_the_repository_and_goes_on_later(
    deployments: Deployments, cloud: Cloud, engine: Path, registry: LocalRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAIL", "push")
    with pytest.raises(YataiDeploymentException, match=r"push the image [\s\S]*no such luck"):
        deployments.deploy(wanted())
    record = registry.find_deployment("dev", "iris")
    assert record.state.state is DeploymentPhase.FAILED
    assert [each.kind for each in record.resources] == ["ecr_repository"]
    assert cloud.existing() == {f"ecr_repository {ACCOUNT}:{REGION}/dev-iris"}
    monkeypatch.delenv("FAIL")
    deployments.update(wanted())
    assert len(cloud.existing()) == 2
    deployments.delete("dev", "iris")
    assert cloud.existing() == set()


def test_deploy_when_somebody_else_has_a_stack_of_this_name_leaves_it(deployments: Deployments, cloud: Cloud) -> None:
    body = json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})
    cloud.client("cloudformation").create_stack(StackName="dev-iris", TemplateBody=body)
    with pytest.raises(YataiDeploymentException, match="a stack dev-iris already, which bentoml has not made"):
        deployments.deploy(wanted(image=IMAGE))
    deployments.delete("dev", "iris")
    assert [each["StackName"] for each in cloud.stacks()] == ["dev-iris"]


def test_deploy_when_another_deployment_has_the_repository_leaves_it(
    deployments: Deployments, cloud: Cloud, engine: Path
) -> None:
    tags = [{"Key": OWNER, "Value": "prod/iris"}]
    cloud.client("ecr").create_repository(repositoryName="dev-iris", tags=tags)
    with pytest.raises(YataiDeploymentException, match="belongs to the deployment prod/iris"):
        deployments.deploy(wanted())
    deployments.delete("dev", "iris")
    assert cloud.repositories() == ["dev-iris"]


def test_steps_when_the_credentials_are_of_another_account_do_nothing(deployments: Deployments, cloud: Cloud) -> None:
    with pytest.raises(YataiDeploymentException, match=f"210987654321 of AWS, and the credentials are of {ACCOUNT}"):
        deployments.deploy(wanted(image=IMAGE, account="210987654321"))
    assert cloud.stacks() == []
    seen = LambdaDeployer().observe(deployments.describe("dev", "iris"))
    assert seen.state is DeploymentPhase.UNKNOWN


def test_plan_when_the_bundle_has_no_such_api_refuses_it(deployments: Deployments) -> None:
    with pytest.raises(InvalidArgument, match=r"no API 'guess'; it has predict"):
        deployments.plan(wanted(api_name="guess"))


def test_plan_when_requests_may_take_longer_than_the_gateway_says_so(deployments: Deployments) -> None:
    assert deployments.plan(wanted(timeout=30)).notes == ()
    (note,) = deployments.plan(wanted(timeout=31)).notes
    assert "30 seconds" in note
    assert deployments.plan(wanted(timeout=900, endpoint="function-url")).notes == ()


def test_plan_when_the_variables_are_longer_than_lambda_takes_refuses_them(deployments: Deployments) -> None:
    # It measures them all as JSON, with that which names the API.
    around = len('{"LEVEL":"","BENTOML_LAMBDA_API":"predict"}')
    deployments.plan(wanted(env={"LEVEL": "x" * (4096 - around)}))
    with pytest.raises(InvalidArgument, match="4097 bytes long, and Lambda takes 4096"):
        deployments.plan(wanted(env={"LEVEL": "x" * (4097 - around)}))
    with pytest.raises(InvalidArgument, match="4097 bytes"):
        deployments.plan(wanted(env={"LEVEL": "x" * (4095 - around) + "\u00e9"}))


def test_functions_may_write_to_their_own_log_groups_alone(deployments: Deployments) -> None:
    resources = json.loads(deployments.plan(wanted()).files["template.json"])["Resources"]
    (policy,) = resources["Role"]["Properties"]["Policies"]
    (statement,) = policy["PolicyDocument"]["Statement"]
    groups = [name for name, each in resources.items() if each["Type"] == "AWS::Logs::LogGroup"]
    assert statement["Resource"] == [{"Fn::GetAtt": [name, "Arn"]} for name in groups]


@pytest.mark.parametrize("endpoint", ["http-api", "function-url", "none"])
@pytest.mark.parametrize("image", [None, IMAGE], ids=["built", "given"])
def test_template_passes_the_checks_of_cfn_lint(
    deployments: Deployments, tmp_path: Path, endpoint: str, image: str | None
) -> None:
    plan = deployments.plan(wanted(endpoint=endpoint, image=image))
    template = tmp_path / "template.json"
    template.write_text(plan.files["template.json"])
    code = "import sys; from cfnlint.runner import main; sys.exit(main())"
    argv = [sys.executable, "-W", "ignore", "-c", code, "--regions", REGION, "--", str(template)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_plan_for_another_version_has_another_image(deployments: Deployments) -> None:
    first, second = deployments.plan(wanted()), deployments.plan(wanted("Iris:2"))
    assert "push the image dev-iris:1" in plan_text(first)
    assert "push the image dev-iris:2" in plan_text(second)
    assert first.creates == second.creates
    other = deployments.plan(replace(wanted(), namespace="prod"))
    assert other.creates != first.creates
