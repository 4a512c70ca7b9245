"""`deploy` and `update` of `bentoml azure-functions` and `azure-container-apps`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from bentoml.cli.azure_options import (
    container_apps_options,
    functions_options,
    image_options,
    location_option,
)
from bentoml.cli.deployment_actions import Change, change, chosen_namespace, open_registry, say_to
from bentoml.cli.deployment_options import change_options, one_deployment
from bentoml.cli.deployment_wishes import changed_wish, given_settings, new_wish, wanted_spec
from bentoml.cli.options import bento_command
from bentoml.yatai.deployment_models import Operator

if TYPE_CHECKING:
    from bentoml.cli.command import BentoCommand, Verbosity
    from bentoml.cli.deployment_options import Decorator
    from bentoml.deploy.plans import Deployments
    from bentoml.yatai.registry import Registry

_TITLES = {Operator.AZURE_FUNCTIONS: "Azure Functions", Operator.AZURE_CONTAINER_APPS: "Azure Container Apps"}


def _deploy_command_of(operator: Operator, platform_options: Decorator) -> BentoCommand:
    title = _TITLES[operator]

    @bento_command("deploy", short_help=f"Run a bundle on {title}.")
    @one_deployment
    @click.option(
        "-b", "--bento", "--bento-service-bundle", "bento", required=True, metavar="NAME:VERSION", help="Bundle."
    )
    @location_option(required=True)
    @platform_options
    @image_options
    @change_options
    @click.pass_obj
    def command(verbosity: Verbosity, /, name: str, namespace: str | None, bento: str, **options: Any) -> None:
        asked, images = Change.taken_from(options), _taken_images(options)
        registry = open_registry(asked.yatai_url)
        settings = _placed(given_settings(options, {}), {}, asked)
        wanted = new_wish(name, namespace, wanted_spec(registry, bento, operator, settings), asked)
        deployments = _deployments(registry, operator, images, asked, verbosity)
        change(deployments, wanted, deployments.deploy, asked, verbosity)

    command.help = f"Run a bundle on {title} as the deployment NAME, and record what exists of it."
    return command


def _update_command_of(operator: Operator, platform_options: Decorator) -> BentoCommand:
    title = _TITLES[operator]

    @bento_command("update", short_help=f"Change a deployment on {title}.")
    @one_deployment
    @click.option("-b", "--bento", "--bento-service-bundle", "bento", metavar="NAME:VERSION", help="Another bundle.")
    @location_option(required=False)
    @platform_options
    @image_options
    @change_options
    @click.pass_obj
    def command(verbosity: Verbosity, /, name: str, namespace: str | None, bento: str | None, **options: Any) -> None:
        asked, images = Change.taken_from(options), _taken_images(options)
        registry = open_registry(asked.yatai_url)
        deployments = _deployments(registry, operator, images, asked, verbosity)
        found = registry.find_deployment(chosen_namespace(namespace), name)
        before = found.spec.operator_config
        settings = _placed(given_settings(options, before), before, asked)
        wanted = changed_wish(registry, found, bento, settings, asked)
        change(deployments, wanted, deployments.update, asked, verbosity)

    command.help = (
        f"Change the deployment NAME on {title}, or go on with one that has failed. What is not given stays as it is "
        "recorded; an empty text takes an option back."
    )
    return command


def _placed(settings: dict[str, Any], before: Any, asked: Change) -> dict[str, Any]:
    """The settings with the subscription they are for; a plan, which asks nobody, may have none."""
    from bentoml.deploy.azure import with_subscription

    return settings if asked.is_plan else with_subscription(settings, before)


def _taken_images(options: dict[str, Any]) -> dict[str, Any]:
    return {name: options.pop(name) for name in ("build", "engine")}


def _deployments(
    registry: Registry, operator: Operator, images: dict[str, Any], asked: Change, verbosity: Verbosity
) -> Deployments:
    from bentoml.cli.resolving import bundle_path
    from bentoml.deploy.azure import AzureContainerAppsDeployer, AzureFunctionsDeployer, ImageSource
    from bentoml.deploy.plans import Deployments

    source = ImageSource(lambda tag: bundle_path(tag, asked.yatai_url), images["engine"]) if images["build"] else None
    deployer = AzureFunctionsDeployer if operator is Operator.AZURE_FUNCTIONS else AzureContainerAppsDeployer
    return Deployments(registry, deployer(source), say_to(verbosity))


functions_deploy_command = _deploy_command_of(Operator.AZURE_FUNCTIONS, functions_options)
functions_update_command = _update_command_of(Operator.AZURE_FUNCTIONS, functions_options)
container_apps_deploy_command = _deploy_command_of(Operator.AZURE_CONTAINER_APPS, container_apps_options)
container_apps_update_command = _update_command_of(Operator.AZURE_CONTAINER_APPS, container_apps_options)
