"""The deployer of SageMaker with boto3, against a look-alike of AWS."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bentoml.deploy.aws.sagemaker_deployer import SageMakerDeployer
from bentoml.deploy.plans import Deployments
from bentoml.exceptions import InvalidArgument, YataiDeploymentException
from bentoml.service.metadata import ApiMetadata, BentoServiceMetadata
from bentoml.yatai.deployment_models import DeploymentPhase, DeploymentSpec, NewDeployment, Operator
from bentoml.yatai.local import LocalRegistry
from tests.cli.saved_home import SavedHome
from tests.deploy.aws.cloud import ACCOUNT, REGION, Cloud
from tests.deploy.plans.deployer_contract import DeployerContract

pytestmark = pytest.mark.environment("aws")

IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/team/iris:1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/endpoints"
SCALED: dict[str, Any] = {"autoscale_min_size": 1, "autoscale_max_size": 4}
CAPTURED: dict[str, Any] = {"data_capture_s3_prefix": "s3://captured/iris", "data_capture_sample_percent": 20}


def wanted(bundle: str = "Iris:1", **config: Any) -> NewDeployment:
    name, version = bundle.split(":")
    settings = {"region": REGION, "account": ACCOUNT, **config}
    return NewDeployment("dev", "iris", DeploymentSpec(name, version, Operator.AWS_SAGEMAKER, settings))


@pytest.fixture
def deployer(saved: SavedHome) -> SageMakerDeployer:
    """It builds the image of another bundle than that of the registry, which has no Dockerfile."""
    return SageMakerDeployer(lambda tag: saved.bundle, "podman")


class SageMakerRig:
    def __init__(self, cloud: Cloud, deployer: SageMakerDeployer) -> None:
        self.cloud = cloud
        self.deployer = deployer
        self.wanted = wanted()

    def existing(self) -> set[str]:
        return self.cloud.existing()

    def cut(self) -> None:
        self.cloud.cut()


class TestSageMakerDeployer(DeployerContract):
    @pytest.fixture
    def rig(self, cloud: Cloud, engine: Path, deployer: SageMakerDeployer) -> SageMakerRig:
        return SageMakerRig(cloud, deployer)


@pytest.fixture
def deployments(registry: LocalRegistry, deployer: SageMakerDeployer) -> Deployments:
    return Deployments(registry, deployer)


class Endpoint:
    """The one endpoint of the look-alike, with the one configuration and model.

    They are not looked up by the names that one has of the other: the look-alike does not hand new ones on.
    """

    def __init__(self, cloud: Cloud) -> None:
        sagemaker = cloud.client("sagemaker")
        (listed,) = sagemaker.list_endpoints()["Endpoints"]
        self.described = sagemaker.describe_endpoint(EndpointName=listed["EndpointName"])
        (configured,) = sagemaker.list_endpoint_configs()["EndpointConfigs"]
        self.configuration = sagemaker.describe_endpoint_config(EndpointConfigName=configured["EndpointConfigName"])
        (self.variant,) = self.configuration["ProductionVariants"]
        (model,) = sagemaker.list_models()["Models"]
        self.model = sagemaker.describe_model(ModelName=model["ModelName"])


def test_deploy_pushes_the_image_of_the_bundle_as_it_is(deployments: Deployments, cloud: Cloud, engine: Path) -> None:
    deployments.deploy(wanted())
    lines = engine.read_text().splitlines()
    host = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
    (build,) = (line for line in lines if line.startswith("build"))
    assert "--tag=bentoml-aws/iris:1" in build
    assert "--platform=linux/amd64" in build
    assert f"tag bentoml-aws/iris:1 {host}/dev-iris:1 " in lines
    assert f"push {host}/dev-iris:1 " in lines
    image = Endpoint(cloud).model["PrimaryContainer"]["Image"]
    assert image.startswith(f"{host}/dev-iris@sha256:")


def test_deploy_makes_an_endpoint_and_update_changes_it(deployments: Deployments, cloud: Cloud) -> None:
    deployments.deploy(wanted(image=IMAGE, env={"LEVEL": "1"}))
    assert cloud.repositories() == []
    first = Endpoint(cloud)
    assert (first.variant["InstanceType"], first.variant["InitialInstanceCount"]) == ("ml.m4.xlarge", 1)
    container = first.model["PrimaryContainer"]
    assert (container["Image"], container["Mode"]) == (IMAGE, "SingleModel")
    assert container["Environment"] == {"LEVEL": "1", "API_NAME": "predict", "BENTOML_GUNICORN_TIMEOUT": "60"}
    assert first.model["ExecutionRoleArn"] in {each["Arn"] for each in cloud.client("iam").list_roles()["Roles"]}
    seen = deployments.describe("dev", "iris").state
    assert seen.state is DeploymentPhase.RUNNING
    assert seen.info["endpoint"]["EndpointStatus"] == "InService"
    (address,) = seen.info["endpoints"]
    name = first.described["EndpointName"]
    assert address == f"https://runtime.sagemaker.{REGION}.amazonaws.com/endpoints/{name}/invocations"

    more: dict[str, Any] = {
        "num_of_gunicorn_workers_per_instance": 2,
        "instance_type": "ml.c5.large",
        "instance_count": 3,
        "startup_timeout": 900,
        "role": ROLE,
    }
    deployments.update(wanted(image=IMAGE, **more, **CAPTURED))
    second = Endpoint(cloud)
    assert second.variant["ContainerStartupHealthCheckTimeoutInSeconds"] == 900
    assert (second.variant["InstanceType"], second.variant["InitialInstanceCount"]) == ("ml.c5.large", 3)
    assert second.model["PrimaryContainer"]["Environment"]["BENTOML_GUNICORN_NUM_OF_WORKERS"] == "2"
    assert second.model["ExecutionRoleArn"] == ROLE
    capture = second.configuration["DataCaptureConfig"]
    assert (capture["DestinationS3Uri"], capture["InitialSamplingPercentage"]) == ("s3://captured/iris", 20)
    assert [each["CaptureMode"] for each in capture["CaptureOptions"]] == ["Input", "Output"]
    assert deployments.describe("dev", "iris").state.info["stack_status"] == "UPDATE_COMPLETE"

    deployments.delete("dev", "iris")
    assert cloud.existing() == set()
    assert cloud.client("sagemaker").list_endpoints()["Endpoints"] == []
    assert cloud.client("sagemaker").list_endpoint_configs()["EndpointConfigs"] == []
    assert cloud.client("sagemaker").list_models()["Models"] == []


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
    assert Endpoint(cloud).described["EndpointStatus"] == "InService"
    deployments.delete("dev", "iris")
    assert cloud.existing() == set()


def test_observe_when_somebody_has_removed_the_endpoint_says_so(deployments: Deployments, cloud: Cloud) -> None:
    deployments.deploy(wanted(image=IMAGE))
    cloud.client("sagemaker").delete_endpoint(EndpointName=Endpoint(cloud).described["EndpointName"])
    seen = deployments.describe("dev", "iris").state
    assert (seen.state, seen.error_message) == (DeploymentPhase.INACTIVATED, "somebody has removed the endpoint")


def test_plan_when_the_bundle_has_no_such_api_refuses_it(deployments: Deployments) -> None:
    with pytest.raises(InvalidArgument, match=r"no API 'guess'; it has predict"):
        deployments.plan(wanted(api_name="guess"))


def test_plan_when_an_api_has_a_path_of_sagemaker_refuses_it(deployer: SageMakerDeployer) -> None:
    service = BentoServiceMetadata("Iris", "1", apis=(ApiMetadata("ping", "JsonInput"),))
    with pytest.raises(InvalidArgument, match="ping has the path /ping"):
        deployer.plan(wanted(), service)


def test_plan_says_what_sagemaker_will_not_do(deployments: Deployments) -> None:
    assert deployments.plan(wanted(timeout=60)).notes == ()
    (note,) = deployments.plan(wanted(timeout=61)).notes
    assert "60 seconds" in note
    (note,) = deployments.plan(wanted(**SCALED)).notes
    assert "another instance type" in note


def test_plan_for_graviton_builds_for_it(deployments: Deployments) -> None:
    lines = [line for step in deployments.plan(wanted(instance_type="ml.c7g.large")).steps for line in step.lines()]
    assert any("--platform linux/arm64" in line for line in lines)


def test_plan_when_the_template_is_larger_than_cloudformation_takes_refuses_it(deployments: Deployments) -> None:
    with pytest.raises(InvalidArgument, match=r"more than 51200 bytes.*put long values"):
        deployments.plan(wanted(env={f"A{number}": "x" * 1024 for number in range(50)}))


def test_template_gives_the_role_no_more_than_it_needs(deployments: Deployments) -> None:
    def statements(**config: Any) -> list[dict[str, Any]]:
        template = json.loads(deployments.plan(wanted(**config)).files["template.json"])
        (policy,) = template["Resources"]["Role"]["Properties"]["Policies"]
        found: list[dict[str, Any]] = policy["PolicyDocument"]["Statement"]
        return found

    by_action = {each["Action"][0]: each["Resource"] for each in statements(**CAPTURED)}
    arn = "arn:${AWS::Partition}"
    here = "${AWS::Region}:${AWS::AccountId}"
    assert by_action["ecr:BatchCheckLayerAvailability"] == [{"Fn::Sub": f"{arn}:ecr:{here}:repository/dev-iris"}]
    assert by_action["logs:CreateLogGroup"][0] == {
        "Fn::Sub": f"{arn}:logs:{here}:log-group:/aws/sagemaker/Endpoints/dev-iris"
    }
    assert by_action["s3:PutObject"] == [{"Fn::Sub": f"{arn}:s3:::captured/iris/*"}]
    assert not any("s3:" in action for each in statements() for action in each["Action"])
    other = {each["Action"][0]: each["Resource"] for each in statements(image=IMAGE)}
    assert other["ecr:BatchCheckLayerAvailability"] == [
        {"Fn::Sub": f"{arn}:ecr:{REGION}:{ACCOUNT}:repository/team/iris"}
    ]
    template = json.loads(deployments.plan(wanted(role=ROLE)).files["template.json"])
    assert "Role" not in template["Resources"]


def test_template_scales_the_variant_within_its_bounds(deployments: Deployments) -> None:
    plan = deployments.plan(wanted(**SCALED, autoscale_invocations=70))
    resources = json.loads(plan.files["template.json"])["Resources"]
    target = resources["ScalableTarget"]["Properties"]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (1, 4)
    assert target["ResourceId"] == {"Fn::Sub": "endpoint/${InferenceEndpoint.EndpointName}/variant/AllTraffic"}
    (variant,) = resources["Configuration"]["Properties"]["ProductionVariants"]
    assert variant["VariantName"] == "AllTraffic"
    policy = resources["ScalingPolicy"]["Properties"]["TargetTrackingScalingPolicyConfiguration"]
    assert policy["TargetValue"] == 70
    endpoint = resources["InferenceEndpoint"]["Properties"]
    assert endpoint["RetainAllVariantProperties"] is True
    changed = {each["VariantPropertyType"] for each in endpoint["ExcludeRetainedVariantProperties"]}
    assert changed == {"DesiredWeight", "DataCaptureConfig"}, "the number of instances alone stays"


@pytest.mark.parametrize(
    "more", [{}, SCALED, CAPTURED, {"role": ROLE, "startup_timeout": 900}], ids=["plain", "scaled", "captured", "role"]
)
@pytest.mark.parametrize("image", [None, IMAGE], ids=["built", "given"])
def test_template_passes_the_checks_of_cfn_lint(
    deployments: Deployments, tmp_path: Path, more: dict[str, Any], image: str | None
) -> None:
    plan = deployments.plan(wanted(image=image, **more))
    template = tmp_path / "template.json"
    template.write_text(plan.files["template.json"])
    code = "import sys; from cfnlint.runner import main; sys.exit(main())"
    argv = [sys.executable, "-W", "ignore", "-c", code, "--regions", REGION, "--", str(template)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_plan_for_another_version_has_another_image(deployments: Deployments) -> None:
    first, second = deployments.plan(wanted()), deployments.plan(wanted("Iris:2"))
    assert first.creates == second.creates
    pushes = [[line for step in plan.steps for line in step.lines() if " push " in line] for plan in (first, second)]
    assert pushes[0] != pushes[1]
