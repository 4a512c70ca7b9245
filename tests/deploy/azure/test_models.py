"""What the templates make, compared with Azure's own models of it, in the very versions that the templates name."""

from __future__ import annotations

import copy
import importlib
import json
from collections.abc import Callable
from typing import Any

import pytest

from bentoml.deploy.plans import Deployments
from bentoml.yatai.deployment_models import Operator
from bentoml.yatai.local import LocalRegistry
from tests.deploy.azure.arm import KINDS, read_template
from tests.deploy.azure.strict_models import problems
from tests.deploy.azure.test_deployer import APPS, FUNCTIONS, deployer_of, wanted

pytestmark = pytest.mark.environment("arm")
MODELS = {
    ("Microsoft.ContainerRegistry/registries", "2023-07-01"): "containerregistry.v2023_07_01 Registry",
    ("Microsoft.ManagedIdentity/userAssignedIdentities", "2023-01-31"): "msi.v2023_01_31 Identity",
    (
        "Microsoft.Authorization/roleAssignments",
        "2022-04-01",
    ): "authorization.v2022_04_01 RoleAssignmentCreateParameters",
    ("Microsoft.Storage/storageAccounts", "2023-01-01"): "storage.v2023_01_01 StorageAccountCreateParameters",
    ("Microsoft.Web/serverfarms", "2023-12-01"): "web.v2023_12_01 AppServicePlan",
    ("Microsoft.Web/sites", "2023-12-01"): "web.v2023_12_01 Site",
    ("Microsoft.App/managedEnvironments", "2024-03-01"): "appcontainers ManagedEnvironment",
    ("Microsoft.App/containerApps", "2024-03-01"): "appcontainers ContainerApp",
}
"""The package below `azure.mgmt` and the model, by type and version; that of Container Apps has one version only."""
OF_TEMPLATES = ("type", "apiVersion", "name", "scope", "dependsOn")
OPTIONS: list[tuple[Operator, dict[str, Any]]] = [
    (FUNCTIONS, {}),
    (FUNCTIONS, {"premium_plan_sku": "EP3", "min_instances": 20, "max_burst": 20, "workers": 4, "env": {"A": "[b]"}}),
    (FUNCTIONS, {"function_auth_level": "admin"}),
    (APPS, {}),
    (APPS, {"cpu": "4", "min_replicas": 0, "max_replicas": 1000, "concurrency": 1_000_000, "env": {"A": ""}}),
    (APPS, {"cpu": "0.25", "internal": True, "workers": 4}),
]


def made(registry: LocalRegistry, operator: Operator, options: dict[str, Any]) -> list[dict[str, Any]]:
    """The resources of both templates of a plan."""
    files = Deployments(registry, deployer_of(operator)).plan(wanted(operator, **options)).files
    found: dict[str, dict[str, Any]] = {}
    for name in ("registry", "app"):
        template, values = json.loads(files[f"{name}.json"]), json.loads(files[f"{name}.parameters.json"])
        found |= read_template(template, values, "group", set(found))
    return list(found.values())


def problems_of(resource: dict[str, Any]) -> list[str]:
    package, model = MODELS[resource["type"], resource["apiVersion"]].split()
    models = importlib.import_module(f"azure.mgmt.{package}.models")
    document = {name: value for name, value in resource.items() if name not in OF_TEMPLATES}
    return list(problems(document, models, model))


@pytest.mark.parametrize(("operator", "options"), OPTIONS, ids=str)
def test_resources_are_what_the_models_of_azure_have(
    registry: LocalRegistry, operator: Operator, options: dict[str, Any]
) -> None:
    found = made(registry, operator, options)
    assert {each["type"]: problems_of(each) for each in found} == {each["type"]: [] for each in found}


def test_models_are_of_the_versions_that_the_templates_name(registry: LocalRegistry) -> None:
    found = [each for operator in (FUNCTIONS, APPS) for each in made(registry, operator, {})]
    assert {(each["type"], each["apiVersion"]) for each in found} == set(MODELS)
    assert {kind for kind, _ in MODELS} == set(KINDS)
    configuration = importlib.import_module("azure.mgmt.appcontainers._configuration")
    client = configuration.ContainerAppsAPIClientConfiguration(object(), "subscription")
    assert client.api_version == "2024-03-01"


SITE, APP = "Microsoft.Web/sites", "Microsoft.App/containerApps"
Change = Callable[[Any], Any]
WRONG: list[tuple[str, Change, str]] = [
    (SITE, lambda site: site.update(colour="red"), "colour: unknown"),
    (SITE, lambda site: site["properties"].update(httpOnly=True), "properties.httpOnly: unknown"),
    (SITE, lambda site: site["properties"]["siteConfig"].update(cors=[]), "CorsSettings expected"),
    (SITE, lambda site: site["properties"].update(state="Running"), "properties.state: only Azure says it"),
    (SITE, lambda site: site.pop("location"), "location: required"),
    (SITE, lambda site: site["properties"]["siteConfig"].update(minTlsVersion="1.9"), "one of ['1.0', '1.1', '1.2'"),
    (APP, lambda app: app["properties"]["template"].update(scale={"minReplicas": "1"}), "int expected, not '1'"),
    (APP, lambda app: app["properties"]["template"]["containers"][0].update(cpu=1), "containers[0].cpu: unknown"),
    (
        APP,
        lambda app: app["properties"]["template"]["containers"][0]["probes"][0].update(failureThreshold=11),
        "failureThreshold: at most 10, not 11",
    ),
]


@pytest.mark.parametrize(("kind", "change", "text"), WRONG, ids=[text for _, _, text in WRONG])
def test_resource_when_it_is_changed_for_the_worse_is_found(
    registry: LocalRegistry, kind: str, change: Change, text: str
) -> None:
    found = made(registry, FUNCTIONS if kind == SITE else APPS, {})
    resource = copy.deepcopy(next(each for each in found if each["type"] == kind))
    change(resource)
    assert [each for each in problems_of(resource) if text in each], problems_of(resource)
