"""A look-alike of `az`, a program on PATH that keeps what it is told in a file. It is not Azure, and no az.

It knows the commands and options that are used here, each of which the real az takes (`test_real_az.py`). It says what
cannot be in the words of Azure: names, groups that are not there, templates that cannot be read, images that nobody
has pushed.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from pathlib import Path
from typing import Any, NoReturn

from tests.deploy.azure.arm import SUBSCRIPTION, TemplateError, read_template

ROOT = Path(__file__).resolve().parents[3]
LOCATIONS = ("westeurope", "eastus")
COMMANDS = {
    "account show": [],
    "group show": ["name"],
    "group create": ["name", "location", "tags*"],
    "group delete": ["name", "yes!"],
    "deployment group create": ["resource-group", "name", "template-file", "parameters"],
    "deployment group show": ["resource-group", "name"],
    "resource show": ["resource-group", "name", "resource-type", "api-version"],
    "acr login": ["name"],
    "acr build": ["registry", "resource-group", "image", "build-arg", "SOURCE"],
}
"""Options by command: `*` takes several values, `!` takes none, and words in capitals are no options."""


class AzureError(Exception):
    """What az prints after `ERROR: `, with its exit code."""

    def __init__(self, text: str, code: int = 1) -> None:
        super().__init__(text)
        self.code = code


class LookAlike:
    """What is stored.

    Args:
        file: where.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        if not file.exists():
            self.write({"groups": {}, "refused": [], "silent": False, "calls": [], "images": []})

    def read(self) -> dict[str, Any]:
        found = json.loads(self.file.read_text(encoding="utf-8"))
        assert isinstance(found, dict)
        return found

    def write(self, state: dict[str, Any]) -> None:
        self.file.write_text(json.dumps(state, indent=1), encoding="utf-8")

    def set(self, **parts: Any) -> None:
        self.write({**self.read(), **parts})

    def resources(self, group: str) -> dict[str, dict[str, Any]]:
        """By their types."""
        return {each["type"]: each for each in self.read()["groups"][group]["resources"].values()}


def installed(directory: Path) -> LookAlike:
    """Put the program `az` into a directory, which is made; the variable AZ_LOOK_ALIKE has to name its file."""
    directory.mkdir()
    program = directory / "az"
    program.write_text(
        f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(ROOT)!r})\n"
        "from tests.deploy.azure.lookalike import main\nmain()\n",
        encoding="utf-8",
    )
    program.chmod(0o755)
    return LookAlike(directory / "state.json")


def _parser() -> argparse.ArgumentParser:
    """The commands and options; az, too, divides values from options by `=` or a blank."""
    parser = argparse.ArgumentParser(prog="az", allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True)
    for command, options in COMMANDS.items():
        found = commands.add_parser(command.replace(" ", "-"), allow_abbrev=False)
        for option in options:
            if option.isupper():
                found.add_argument(option.lower())
            elif option.endswith("!"):
                found.add_argument(f"--{option[:-1]}", action="store_true", required=True)
            elif option.endswith("*"):
                found.add_argument(f"--{option[:-1]}", nargs="*", default=[])
            else:
                found.add_argument(f"--{option}", required=True)
        found.add_argument("--subscription", default=SUBSCRIPTION)
        found.add_argument("--output", choices=["json", "none"], default="json")
    return parser


class Commands:
    def __init__(self, state: dict[str, Any], args: argparse.Namespace) -> None:
        self.state, self.args = state, args
        if state["silent"]:
            raise AzureError("Please run 'az login' to setup account.")
        if args.subscription != SUBSCRIPTION:
            raise AzureError(f"The subscription of '{args.subscription}' doesn't exist in cloud 'AzureCloud'.")

    def account_show(self) -> Any:
        return {"id": SUBSCRIPTION, "state": "Enabled"}

    def group_show(self) -> Any:
        return self._group(self.args.name)

    def group_create(self) -> Any:
        name, location = self.args.name, self.args.location
        if not re.fullmatch(r"[-\w.()]{1,89}[-\w()]", name):
            raise AzureError(f"(InvalidResourceGroupName) {name!r}")
        if location not in LOCATIONS:
            raise AzureError(
                f"(LocationNotAvailableForResourceGroup) The provided location '{location}' is not available"
            )
        there = self.state["groups"].setdefault(name, {"location": location, "resources": {}, "deployments": {}})
        if there["location"] != location:
            raise AzureError("(InvalidResourceGroupLocation) A group cannot move")
        there["tags"] = dict(each.split("=", 1) for each in self.args.tags)
        return there

    def group_delete(self) -> Any:
        self._group(self.args.name)
        del self.state["groups"][self.args.name]

    def deployment_group_create(self) -> Any:
        name = self.args.resource_group
        group = self._group(name)
        template = json.loads(Path(self.args.template_file).read_text(encoding="utf-8"))
        if not self.args.parameters.startswith("@"):
            raise AzureError("Unable to parse parameter", 2)
        values = json.loads(Path(self.args.parameters[1:]).read_text(encoding="utf-8"))
        try:
            made = read_template(template, values, name, set(group["resources"]))
        except TemplateError as error:
            raise AzureError(str(error)) from error
        for each, resource in made.items():
            if resource["type"] in self.state["refused"]:
                why = {"code": "DeploymentFailed", "details": [{"code": "Refused", "message": resource["type"]}]}
                group["deployments"][self.args.name] = {"provisioningState": "Failed", "error": why}
                raise AzureError(f"(DeploymentFailed) Refused: {resource['type']}")
            self._check(resource)
            group["resources"][each] = {
                **resource,
                "properties": {**resource.get("properties", {}), **_said_of(resource)},
            }
        group["deployments"][self.args.name] = {"provisioningState": "Succeeded"}
        return {"properties": group["deployments"][self.args.name]}

    def deployment_group_show(self) -> Any:
        found = self._group(self.args.resource_group)["deployments"].get(self.args.name)
        if found is None:
            raise AzureError(f"(DeploymentNotFound) Deployment '{self.args.name}' could not be found.", 3)
        return {"properties": found}

    def resource_show(self) -> Any:
        kind, name = self.args.resource_type, self.args.name
        for found in self._group(self.args.resource_group)["resources"].values():
            if (found["type"], found["name"], found["apiVersion"]) == (kind, name, self.args.api_version):
                return found
        raise AzureError(f"(ResourceNotFound) The Resource '{kind}/{name}' was not found.", 3)

    def acr_login(self) -> Any:
        self._registry(self.args.name)
        self.state["engine"] = os.environ["DOCKER_COMMAND"]

    def acr_build(self) -> Any:
        self._registry(self.args.registry)
        source = Path(self.args.source)
        if not (source / "Dockerfile").is_file():
            raise AzureError("Unable to find 'Dockerfile'.")
        name, _, base = self.args.build_arg.partition("=")
        if name != "IMAGE" or not base.startswith(f"{self.args.registry}.azurecr.io/"):
            raise AzureError(f"run failed: {self.args.build_arg}")
        self.state["images"].append(f"{self.args.registry}.azurecr.io/{self.args.image}")

    def _group(self, name: str) -> Any:
        if name not in self.state["groups"]:
            raise AzureError(f"(ResourceGroupNotFound) Resource group '{name}' could not be found.", 3)
        return self.state["groups"][name]

    def _registry(self, name: str) -> None:
        for group in self.state["groups"].values():
            for found in group["resources"].values():
                if found["type"].endswith("/registries") and found["name"] == name:
                    return
        raise AzureError(f"The resource with name '{name}' and type 'registries' could not be found", 3)

    def _check(self, resource: dict[str, Any]) -> None:
        """What the services themselves refuse."""
        properties = resource.get("properties", {})
        if resource["type"] == "Microsoft.Web/serverfarms":
            least, most = resource["sku"]["capacity"], properties["maximumElasticWorkerCount"]
            if not 1 <= least <= most <= 100 or resource["sku"]["tier"] != "ElasticPremium":
                raise AzureError("(BadRequest) the plan cannot be")
        if resource["type"] == "Microsoft.App/containerApps":
            (container,) = properties["template"]["containers"]
            cpu, memory = container["resources"]["cpu"], container["resources"]["memory"]
            if memory != f"{cpu * 2:g}Gi" or (cpu * 4) % 1 or not 0.25 <= cpu <= 4:
                raise AzureError("(ContainerAppInvalidResourceTotal) invalid cpu and memory")
            for probe in container["probes"]:
                if not 1 <= probe["failureThreshold"] <= 10 or not 1 <= probe["periodSeconds"] <= 240:
                    raise AzureError("(ContainerAppProbeFailureThresholdOutOfRange)")
            names = [each["name"] for each in container["env"]]
            if len(names) != len(set(names)):
                raise AzureError("(ContainerAppInvalidEnvVarName) given twice")


def _said_of(resource: dict[str, Any]) -> dict[str, Any]:
    """What Azure adds to the properties of a resource that is well."""
    name = resource["name"]
    if resource["type"] == "Microsoft.Web/sites":
        return {"state": "Running", "defaultHostName": f"{name}.azurewebsites.net"}
    if resource["type"] == "Microsoft.App/containerApps":
        properties = resource["properties"]
        host = f"{name}.nicehill-1.{resource['location']}.azurecontainerapps.io"
        ingress = {**properties["configuration"]["ingress"], "fqdn": host}
        revision = {"latestRevisionName": f"{name}--1", "latestReadyRevisionName": f"{name}--1"}
        configuration = {**properties["configuration"], "ingress": ingress}
        return {
            "provisioningState": "Succeeded",
            "runningStatus": "Running",
            "configuration": configuration,
            **revision,
        }
    return {"provisioningState": "Succeeded"}


def main() -> NoReturn:
    """Do what the command line says."""
    platform = LookAlike(Path(os.environ["AZ_LOOK_ALIKE"]))
    state, words = platform.read(), sys.argv[1:]
    count = next((at for at, word in enumerate(words) if word.startswith("-")), len(words))
    args = _parser().parse_args(["-".join(words[:count]), *words[count:]])
    state["calls"].append(words)
    try:
        answer = getattr(Commands(state, args), args.command.replace("-", "_"))()
        code = 0
    except AzureError as error:
        print(f"ERROR: {error}", file=sys.stderr)
        answer, code = None, error.code
    platform.write(state)
    if answer is not None and args.output == "json":
        print(json.dumps(answer))
    sys.exit(code)
