"""Deployments on Azure Container Apps, made with az."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bentoml.deploy.azure.az import GroupRemoval, GroupStep, template_step
from bentoml.deploy.azure.container_apps_template import API, container_apps_parameters, container_apps_template
from bentoml.deploy.azure.facts import NO_SUBSCRIPTION, facts_of
from bentoml.deploy.azure.observation import App, container_app_state, observe
from bentoml.deploy.azure.options import ContainerAppsOptions
from bentoml.deploy.plans import Plan
from bentoml.yatai.deployment_models import Operator

if TYPE_CHECKING:
    from bentoml.deploy.azure.images import ImageSource
    from bentoml.deploy.plans import Step
    from bentoml.service.metadata import BentoServiceMetadata
    from bentoml.yatai.deployment_models import Deployment, DeploymentResource, DeploymentState, NewDeployment


@dataclass(frozen=True)
class AzureContainerAppsDeployer:
    """See `Deployer`.

    Attributes:
        images: from what images are made; None where they are in the registry already.
    """

    images: ImageSource | None = None

    @property
    def operator(self) -> Operator:
        """See `Deployer`."""
        return Operator.AZURE_CONTAINER_APPS

    def plan(self, wanted: NewDeployment, service: BentoServiceMetadata) -> Plan:  # noqa: ARG002 - the image has it
        """See `Deployer`."""
        options = ContainerAppsOptions.from_config(wanted.spec.operator_config)
        facts = facts_of(wanted, options)
        files = {
            **facts.registry_files(),
            "app.json": container_apps_template(),
            "app.parameters.json": container_apps_parameters(options, facts.names, facts.server, facts.image),
        }
        build: tuple[Step, ...] = ()
        if self.images is not None:
            build = self.images.steps(facts.place, facts.names.registry, facts.bundle, facts.image)
        made = template_step(facts.place, "app", f"make the container app {facts.names.container_app}")
        notes = () if options.subscription else (NO_SUBSCRIPTION,)
        return Plan(files, (GroupStep(facts.place, facts.bundle), facts.registry_step(), *build, made), notes)

    def removal(self, resource: DeploymentResource) -> GroupRemoval:
        """See `Deployer`."""
        return GroupRemoval(resource)

    def observe(self, deployment: Deployment) -> DeploymentState:
        """See `Deployer`."""
        facts = facts_of(deployment, ContainerAppsOptions.from_config(deployment.spec.operator_config))
        app = App("Microsoft.App/containerApps", API, facts.names.container_app)
        return observe(facts.place, app, container_app_state)
