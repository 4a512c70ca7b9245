"""`bentoml azure-functions` and `azure-container-apps`, against a look-alike of az."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from bentoml.cli.main import commandline_interface
from bentoml.yatai.client import get_yatai_client
from bentoml.yatai.deployment_models import DeploymentQuery
from tests.cli.saved_home import SavedHome
from tests.deploy.azure.arm import SUBSCRIPTION
from tests.deploy.azure.lookalike import LookAlike

GROUPS = ["azure-functions", "azure-container-apps"]


@pytest.fixture(autouse=True)
def work(tmp_path: Path, own_saved: SavedHome, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory to be in, and a home with `Scaler:1.0` and `Scaler:2.0`."""
    directory = tmp_path / "work"
    directory.mkdir()
    monkeypatch.chdir(directory)
    return directory


def run(line: str, status: int = 0) -> Result:
    done = CliRunner().invoke(commandline_interface, shlex.split(line))
    assert done.exit_code == status, done.output
    return done


def recorded() -> list[str]:
    return [each.full_name for each in get_yatai_client().registry.list_deployments(DeploymentQuery())]


def document(done: Result) -> dict[str, Any]:
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


def site_settings(azure: LookAlike) -> dict[str, str]:
    (group,) = azure.read()["groups"]
    settings = azure.resources(group)["Microsoft.Web/sites"]["properties"]["siteConfig"]["appSettings"]
    return {each["name"]: each["value"] for each in settings}


def test_functions_from_the_first_to_the_last_day(azure: LookAlike) -> None:
    line = "-b Scaler:latest --location westeurope --env LEVEL=1 --workers 2 --no-build -l team=core"
    found = document(run(f"azure-functions deploy scaler {line}"))
    assert found["spec"]["bentoVersion"] == "2.0"
    config = found["spec"]["azureFunctionsOperatorConfig"]
    assert config["subscription"] == SUBSCRIPTION, "az may mean another one tomorrow"
    assert found["state"]["state"] == "RUNNING"
    assert site_settings(azure)["LEVEL"] == "1"
    found = document(run("azure-functions update scaler -b Scaler:1.0 --max-burst 3 --env '' --no-build -q"))
    assert found["spec"]["bentoVersion"] == "1.0"
    assert "LEVEL" not in site_settings(azure)
    assert site_settings(azure)["BENTOML__BENTO_SERVER__WORKERS"] == "2", "what is not given stays"
    assert document(run("azure-functions get scaler"))["state"]["state"] == "RUNNING"
    assert run("azure-functions list -o wide").stdout.splitlines()[1].endswith("team:core")
    assert len(run("azure-container-apps list").stdout.splitlines()) == 1
    assert run("azure-functions delete scaler").stdout == "Deleted deployment dev/scaler\n"
    assert azure.read()["groups"] == {}
    assert recorded() == []


def test_container_apps_from_the_first_to_the_last_day(azure: LookAlike) -> None:
    line = "azure-container-apps deploy scaler -b Scaler:1.0 --location westeurope --cpu 2 --internal --no-build"
    found = document(run(line))
    assert found["spec"]["azureContainerAppsOperatorConfig"]["cpu"] == "2"
    assert found["state"]["state"] == "RUNNING"
    assert "already, RUNNING; update it, or delete it" in run(line, 1).stderr
    run("azure-container-apps update scaler --external --min-replicas 0 --no-build")
    (group,) = azure.read()["groups"]
    properties = azure.resources(group)["Microsoft.App/containerApps"]["properties"]
    assert properties["configuration"]["ingress"]["external"] is True
    assert properties["template"]["scale"]["minReplicas"] == 0
    assert properties["template"]["containers"][0]["resources"] == {"cpu": 2, "memory": "4Gi"}
    run("azure-container-apps delete scaler")
    assert azure.read()["groups"] == {}


@pytest.mark.parametrize("group", GROUPS)
def test_deploy_when_dry_needs_no_az_and_records_nothing(
    group: str, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    line = f"{group} deploy scaler -b Scaler:1.0 --location westeurope --env KEY=value"
    done = run(f"{line} --dry-run --output-dir plan")
    assert "# 1. make the resource group bentoml-dev-scaler-" in done.stdout
    assert "bentoml containerize Scaler:1.0 --tag bentoml" in done.stdout
    assert "# Note: The names hold a digest of the subscription" in done.stdout
    script = (work / "plan" / "steps.sh").read_text(encoding="utf-8")
    assert "az deployment group create" in script
    assert "value" not in script
    assert "Note" not in run(f"{line} --dry-run --subscription {SUBSCRIPTION}").stdout
    assert recorded() == []


@pytest.mark.usefixtures("engine_that_fails")
def test_deploy_when_the_image_cannot_be_built_records_the_group(azure: LookAlike) -> None:
    done = run("azure-functions deploy scaler -b Scaler:1.0 --location westeurope --engine podman", 1)
    assert "the oven is cold" in done.stderr
    found = document(run("azure-functions get scaler"))
    assert found["state"]["state"] == "FAILED"
    assert [each["kind"] for each in found["resources"]] == ["ResourceGroup"]
    run("azure-functions delete scaler")
    assert azure.read()["groups"] == {}


@pytest.mark.parametrize("key", ["azure_functions_operator_config", "azure_function_operators_config"])
def test_file_when_its_key_is_of_old_or_new_is_the_same(azure: LookAlike, work: Path, key: str) -> None:
    (work / "scaler.yml").write_text(
        "name: scaler\nnamespace: dev\nspec:\n  operator: azure-functions\n  bento_name: Scaler\n"
        f"  bento_version: '1.0'\n  {key}: {{location: westeurope, min_instances: 2}}\n"
    )
    done = run("deployment apply -f scaler.yml --dry-run")
    assert '"minInstances": {\n      "value": 2\n    }' in done.stdout
    assert azure.read()["calls"] == []


WRONG = [
    ("azure-functions deploy scaler -b Scaler:1.0 --location westeurope --engine oven", 2, "'oven' is not one of"),
    ("azure-functions deploy scaler -b Scaler:1.0", 2, "Missing option '--location'"),
    ("azure-functions deploy scaler --location westeurope", 2, "Missing option '-b'"),
    ("azure-functions deploy scaler -b Scaler:9 --location westeurope", 1, "Scaler:9 not found"),
    (
        "azure-functions deploy scaler -b Scaler:1.0 --location westeurope --premium-plan-sku EP9",
        2,
        "'EP1', 'EP2', 'EP3'",
    ),
    (
        "azure-functions deploy scaler -b Scaler:1.0 --location westeurope --max-burst 21",
        1,
        "max_burst must be 1 to 20",
    ),
    ("azure-functions deploy abc -b Scaler:1.0 --location westeurope", 1, "4 to 63"),
    ("azure-functions deploy scaler -b Scaler:1.0 --location marsnorth", 1, "LocationNotAvailableForResourceGroup"),
    ("azure-container-apps deploy scaler -b Scaler:1.0 --location westeurope --cpu 9", 1, "cpu cannot be '9'"),
    ("azure-container-apps update scaler --cpu 1", 1, "No deployment scaler"),
    ("azure-container-apps delete scaler", 1, "No deployment scaler"),
]


@pytest.mark.parametrize(("line", "status", "text"), WRONG, ids=[line for line, _, _ in WRONG])
def test_command_when_it_cannot_be_says_why(azure: LookAlike, line: str, status: int, text: str) -> None:
    assert text in run(line, status).stderr
    assert azure.read()["groups"] == {}


def test_deploy_when_nobody_is_logged_in_says_so_and_records_nothing(azure: LookAlike) -> None:
    azure.set(silent=True)
    done = run("azure-functions deploy scaler -b Scaler:1.0 --location westeurope --no-build", 1)
    assert "Please run 'az login'" in done.stderr
    assert recorded() == []
