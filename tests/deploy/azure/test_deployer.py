"""Both deployers, against a look-alike of az."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bentoml.deploy.azure import AzureContainerAppsDeployer, AzureFunctionsDeployer, ImageSource
from bentoml.deploy.azure.az import Place
from bentoml.deploy.azure.images import RegistryLogin
from bentoml.deploy.plans import Deployer, Deployments, Step
from bentoml.exceptions import BentoMLException, InvalidArgument, YataiDeploymentException
from bentoml.yatai.deployment_models import DeploymentPhase, DeploymentSpec, NewDeployment, Operator
from bentoml.yatai.local import LocalRegistry
from tests.deploy.azure.arm import SUBSCRIPTION
from tests.deploy.azure.lookalike import LookAlike
from tests.deploy.plans.deployer_contract import DeployerContract

FUNCTIONS, APPS = Operator.AZURE_FUNCTIONS, Operator.AZURE_CONTAINER_APPS
BOTH = pytest.mark.parametrize("operator", [FUNCTIONS, APPS], ids=["functions", "container-apps"])
SITES, CONTAINER_APPS = "Microsoft.Web/sites", "Microsoft.App/containerApps"
APP = {FUNCTIONS: SITES, APPS: CONTAINER_APPS}


class PushedImages(ImageSource):
    """The image is in the registry as soon as somebody has logged in."""

    def steps(self, place: Place, registry: str, tag: str, image: str) -> tuple[Step, ...]:
        return (RegistryLogin(place, registry, self.engine),)


def wanted(operator: Operator, bundle: str = "Iris:1", **config: Any) -> NewDeployment:
    name, version = bundle.split(":")
    settings = {"location": "westeurope", "subscription": SUBSCRIPTION, **config}
    return NewDeployment("dev", "iris", DeploymentSpec(name, version, operator, settings))


def deployer_of(operator: Operator) -> Deployer:
    images = PushedImages(Path, "podman")
    return AzureFunctionsDeployer(images) if operator is FUNCTIONS else AzureContainerAppsDeployer(images)


class AzureRig:
    def __init__(self, azure: LookAlike, operator: Operator) -> None:
        self.azure = azure
        self.deployer = deployer_of(operator)
        self.wanted = wanted(operator, env={"LEVEL": "[2]"})

    def existing(self) -> set[str]:
        return {f"ResourceGroup {SUBSCRIPTION}/{name}" for name in self.azure.read()["groups"]}

    def cut(self) -> None:
        self.azure.set(silent=True)


@pytest.mark.usefixtures("engine")
class TestAzureFunctionsDeployer(DeployerContract):
    @pytest.fixture
    def rig(self, azure: LookAlike) -> AzureRig:
        return AzureRig(azure, FUNCTIONS)


@pytest.mark.usefixtures("engine")
class TestAzureContainerAppsDeployer(DeployerContract):
    @pytest.fixture
    def rig(self, azure: LookAlike) -> AzureRig:
        return AzureRig(azure, APPS)


@pytest.fixture
def engine(tmp_path: Path, azure: LookAlike) -> None:
    """A program called podman, as the login names one that is installed; nothing runs it."""
    program = azure.file.parent / "podman"
    program.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    program.chmod(0o755)


def only_group(azure: LookAlike) -> str:
    (name,) = azure.read()["groups"]
    return str(name)


@pytest.mark.usefixtures("engine")
def test_functions_are_made_with_what_was_asked_for(azure: LookAlike, registry: LocalRegistry) -> None:
    options: dict[str, Any] = {
        "premium_plan_sku": "EP2",
        "min_instances": 2,
        "max_burst": 5,
        "function_auth_level": "function",
    }
    Deployments(registry, deployer_of(FUNCTIONS)).deploy(
        wanted(FUNCTIONS, workers=3, env={"TEXT": "[parameters('site')]"}, **options)
    )
    found = azure.resources(only_group(azure))
    plan, site = found["Microsoft.Web/serverfarms"], found[SITES]
    assert plan["sku"] == {"name": "EP2", "tier": "ElasticPremium", "family": "EP", "capacity": 2}
    assert plan["properties"]["maximumElasticWorkerCount"] == 5
    config = site["properties"]["siteConfig"]
    settings = {each["name"]: each["value"] for each in config["appSettings"]}
    assert settings["TEXT"] == "[parameters('site')]", "a value is no expression"
    assert settings["BENTOML__BENTO_SERVER__WORKERS"] == "3"
    assert settings["WEBSITES_PORT"] == "8080"
    assert config["cors"] == {"allowedOrigins": ["*"]}
    (image,) = azure.read()["images"]
    assert config["linuxFxVersion"] == f"DOCKER|{image}"
    assert image.endswith(".azurecr.io/iris-functions-function:1")
    assert azure.read()["engine"] == "podman"


@pytest.mark.usefixtures("engine")
def test_container_apps_are_made_with_what_was_asked_for(azure: LookAlike, registry: LocalRegistry) -> None:
    options: dict[str, Any] = {"cpu": "1.50", "min_replicas": 0, "max_replicas": 3, "concurrency": 40, "internal": True}
    Deployments(registry, deployer_of(APPS)).deploy(wanted(APPS, env={"LEVEL": "2"}, **options))
    properties = azure.resources(only_group(azure))[CONTAINER_APPS]["properties"]
    (container,) = properties["template"]["containers"]
    assert container["resources"] == {"cpu": 1.5, "memory": "3Gi"}
    assert container["env"] == [{"name": "BENTOML_PORT", "value": "5000"}, {"name": "LEVEL", "value": "2"}]
    scale = properties["template"]["scale"]
    assert (scale["minReplicas"], scale["maxReplicas"]) == (0, 3)
    assert scale["rules"][0]["http"]["metadata"] == {"concurrentRequests": "40"}
    assert properties["configuration"]["ingress"]["external"] is False
    assert properties["configuration"]["ingress"]["targetPort"] == 5000


@BOTH
@pytest.mark.usefixtures("engine")
def test_deploy_when_azure_refuses_a_resource_records_the_group_and_delete_removes_all(
    azure: LookAlike, registry: LocalRegistry, operator: Operator
) -> None:
    deployments = Deployments(registry, deployer_of(operator))
    azure.set(refused=[APP[operator]])
    with pytest.raises(YataiDeploymentException, match=r"make the \w+ app iris-\w+: az failed .*DeploymentFailed"):
        deployments.deploy(wanted(operator))
    record = registry.find_deployment("dev", "iris")
    assert record.state.state is DeploymentPhase.FAILED
    assert [each.kind for each in record.resources] == ["ResourceGroup"]
    seen = deployer_of(operator).observe(record)
    assert seen.state is DeploymentPhase.FAILED
    assert f"Refused: {APP[operator]}" in seen.error_message
    deployments.delete("dev", "iris")
    assert azure.read()["groups"] == {}


@BOTH
@pytest.mark.usefixtures("engine")
def test_update_when_the_region_changes_moves_all(
    azure: LookAlike, registry: LocalRegistry, operator: Operator
) -> None:
    deployments = Deployments(registry, deployer_of(operator))
    deployments.deploy(wanted(operator))
    before = only_group(azure)
    deployments.update(wanted(operator, location="eastus"))
    assert only_group(azure) != before
    assert azure.read()["groups"][only_group(azure)]["location"] == "eastus"


@BOTH
def test_group_when_somebody_else_has_it_stays_as_it_is(
    azure: LookAlike, registry: LocalRegistry, operator: Operator
) -> None:
    deployments = Deployments(registry, deployer_of(operator))
    (resource,) = deployments.plan(wanted(operator)).creates
    there: dict[str, Any] = {"location": "westeurope", "tags": None, "resources": {}, "deployments": {}}
    azure.set(groups={resource.detail["name"]: there})
    with pytest.raises(YataiDeploymentException, match="which bentoml has not made; choose another name"):
        deployments.deploy(wanted(operator))
    deployments.delete("dev", "iris")
    assert azure.read()["groups"] == {resource.detail["name"]: there}


@BOTH
@pytest.mark.usefixtures("engine")
def test_describe_says_how_the_app_does(azure: LookAlike, registry: LocalRegistry, operator: Operator) -> None:
    deployments = Deployments(registry, deployer_of(operator))
    deployments.deploy(wanted(operator))
    seen = deployments.describe("dev", "iris")
    assert seen.state.state is DeploymentPhase.RUNNING
    (endpoint,) = seen.state.info["endpoints"]
    assert endpoint.startswith("https://iris-")
    state = azure.read()
    for found in state["groups"][only_group(azure)]["resources"].values():
        if found["type"] == SITES:
            found["properties"]["state"] = "Stopped"
        if found["type"] == CONTAINER_APPS:
            found["properties"]["latestReadyRevisionName"] = None
    azure.write(state)
    expected = DeploymentPhase.INACTIVATED if operator is FUNCTIONS else DeploymentPhase.PENDING
    assert deployments.describe("dev", "iris").state.state is expected


@BOTH
def test_names_when_anything_differs_differ(registry: LocalRegistry, operator: Operator) -> None:
    deployments = Deployments(registry, deployer_of(operator))
    others = [wanted(operator), wanted(operator, location="eastus"), wanted(operator, subscription=None)]
    others += [NewDeployment("prod", "iris", others[0].spec), NewDeployment("dev", "x" * 63, others[0].spec)]
    plans = [deployments.plan(each) for each in others]
    for name in ("registry", "app"):
        values = [json.loads(plan.files[f"{name}.parameters.json"])["parameters"] for plan in plans]
        key = {"registry": "registry", "app": "site" if operator is FUNCTIONS else "app"}[name]
        assert len({each[key]["value"] for each in values}) == len(others)
    assert [bool(plan.notes) for plan in plans] == [False, False, True, False, False]


WRONG: list[tuple[Operator, dict[str, Any], str]] = [
    (FUNCTIONS, {"location": "West Europe"}, "az account list-locations"),
    (FUNCTIONS, {"location": None}, "The setting location is missing"),
    (FUNCTIONS, {"min_instances": 0}, "min_instances must be 1 to 20, not 0"),
    (FUNCTIONS, {"min_instances": 6, "max_burst": 5}, "max_burst must be 6 to 20, not 5"),
    (FUNCTIONS, {"max_burst": 21}, "max_burst must be 1 to 20, not 21"),
    (FUNCTIONS, {"min_instances": True}, "min_instances must be a whole number, not True"),
    (FUNCTIONS, {"premium_plan_sku": "EP4"}, "premium_plan_sku must be one of EP1, EP2, EP3, not 'EP4'"),
    (FUNCTIONS, {"function_auth_level": "none"}, "function_auth_level must be one of anonymous, function, admin"),
    (FUNCTIONS, {"env": {"WEBSITES_PORT": "1"}}, "leave WEBSITES_PORT out of the variables"),
    (FUNCTIONS, {"env": {"A B": "1"}}, "'A B' cannot be the name"),
    (FUNCTIONS, {"env": {"BENTOML__BENTO_SERVER__TIMEOUT": "soon"}}, "BENTOML__BENTO_SERVER__TIMEOUT"),
    (FUNCTIONS, {"subscription": "mine"}, "subscription cannot be 'mine'"),
    (APPS, {"cpu": "0.3"}, "cpu cannot be '0.3'"),
    (APPS, {"cpu": "NaN"}, "cpu cannot be 'NaN'"),
    (APPS, {"cpu": "4.25"}, "cpu cannot be '4.25'"),
    (APPS, {"min_replicas": 11}, "max_replicas must be 11 to 1000, not 10"),
    (APPS, {"max_replicas": 0}, "max_replicas must be 1 to 1000, not 0"),
    (APPS, {"internal": 1}, "internal must be true or false, not 1"),
    (APPS, {"env": {"BENTOML_PORT": "1"}}, "leave BENTOML_PORT out"),
    (APPS, {"env": {"A": 1}}, "env must be a mapping of texts to texts"),
]


@pytest.mark.parametrize(("operator", "config", "text"), WRONG, ids=[f"{each[1]}" for each in WRONG])
def test_plan_when_an_option_cannot_be_says_why(
    registry: LocalRegistry, operator: Operator, config: dict[str, Any], text: str
) -> None:
    with pytest.raises(InvalidArgument) as raised:
        Deployments(registry, deployer_of(operator)).plan(wanted(operator, **config))
    assert text in str(raised.value)


@BOTH
def test_deploy_when_az_is_not_there_says_so(
    registry: LocalRegistry, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(BentoMLException, match="az was not found; install it"):
        Deployments(registry, deployer_of(operator)).deploy(wanted(operator))


@BOTH
@pytest.mark.usefixtures("engine")
def test_values_of_variables_stand_in_no_command_line(
    azure: LookAlike, registry: LocalRegistry, operator: Operator
) -> None:
    said: list[str] = []
    Deployments(registry, deployer_of(operator), said.append).deploy(wanted(operator, env={"KEY": "hidden-value"}))
    assert "hidden-value" not in json.dumps(azure.read()["calls"])
    assert "hidden-value" not in "".join(said)
