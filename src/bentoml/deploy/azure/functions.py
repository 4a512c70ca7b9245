"""Deployments on Azure Functions: a custom container, made with az."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bentoml.deploy.azure.az import CHANGE_LIMIT_S, GroupRemoval, GroupStep, template_step
from bentoml.deploy.azure.facts import NO_SUBSCRIPTION, facts_of
from bentoml.deploy.azure.functions_site import DIRECTORY, site_files
from bentoml.deploy.azure.functions_template import WEB_API, functions_parameters, functions_template
from bentoml.deploy.azure.observation import App, function_app_state, observe
from bentoml.deploy.azure.options import FunctionsOptions
from bentoml.deploy.plans import Plan, Program
from bentoml.yatai.deployment_models import Operator

if TYPE_CHECKING:
    from bentoml.deploy.azure.facts import Facts
    from bentoml.deploy.azure.images import ImageSource
    from bentoml.deploy.plans import Step
    from bentoml.service.metadata import BentoServiceMetadata
    from bentoml.yatai.deployment_models import Deployment, DeploymentResource, DeploymentState, NewDeployment


@dataclass(frozen=True)
class AzureFunctionsDeployer:
    """See `Deployer`.

    Attributes:
        images: from what images are made; None where they are in the registry already.
    """

    images: ImageSource | None = None

    @property
    def operator(self) -> Operator:
        """See `Deployer`."""
        return Operator.AZURE_FUNCTIONS

    def plan(self, wanted: NewDeployment, service: BentoServiceMetadata) -> Plan:  # noqa: ARG002 - the image has it
        """See `Deployer`."""
        options = FunctionsOptions.from_config(wanted.spec.operator_config)
        facts = facts_of(wanted, options)
        image = _image_with_host(facts.image, options.function_auth_level)
        files = {
            **facts.registry_files(),
            **site_files(options.function_auth_level),
            "app.json": functions_template(),
            "app.parameters.json": functions_parameters(options, facts.names, image),
        }
        build: tuple[Step, ...] = ()
        if self.images is not None:
            pushed = self.images.steps(facts.place, facts.names.registry, facts.bundle, facts.image)
            build = (*pushed, _host_step(facts, image))
        made = template_step(facts.place, "app", f"make the function app {facts.names.site}")
        notes = () if options.subscription else (NO_SUBSCRIPTION,)
        return Plan(files, (GroupStep(facts.place, facts.bundle), facts.registry_step(), *build, made), notes)

    def removal(self, resource: DeploymentResource) -> GroupRemoval:
        """See `Deployer`."""
        return GroupRemoval(resource)

    def observe(self, deployment: Deployment) -> DeploymentState:
        """See `Deployer`."""
        facts = facts_of(deployment, FunctionsOptions.from_config(deployment.spec.operator_config))
        return observe(facts.place, App("Microsoft.Web/sites", WEB_API, facts.names.site), function_app_state)


def _image_with_host(image: str, auth_level: str) -> str:
    """The name of the image that has the host; the level of authorization is a part of it."""
    name, _, tag = image.rpartition(":")
    return f"{name}-functions-{auth_level}:{tag}"


def _host_step(facts: Facts, image: str) -> Program:
    """Adds the host to the image of the bundle, on Azure, where both are."""
    argv = facts.place.az(
        "acr",
        "build",
        f"--registry={facts.names.registry}",
        f"--resource-group={facts.place.group}",
        f"--image={image.partition('/')[2]}",
        f"--build-arg=IMAGE={facts.image}",
        "--output=none",
        DIRECTORY,
    )
    return Program(f"add the Functions host to the image as {image}", argv, timeout_s=CHANGE_LIMIT_S)
