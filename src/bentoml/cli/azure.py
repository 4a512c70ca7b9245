"""`bentoml azure-functions` and `bentoml azure-container-apps`."""

from __future__ import annotations

import click

from bentoml.cli.deployment_commands import Platform, delete_command_of, get_command_of, list_command_of
from bentoml.cli.lazy_group import LazyGroup

FUNCTIONS = Platform("Azure Functions", "AZURE_FUNCTIONS")
CONTAINER_APPS = Platform("Azure Container Apps", "AZURE_CONTAINER_APPS")


functions_delete_command = delete_command_of(FUNCTIONS)
functions_get_command = get_command_of(FUNCTIONS)
functions_list_command = list_command_of(FUNCTIONS)
container_apps_delete_command = delete_command_of(CONTAINER_APPS)
container_apps_get_command = get_command_of(CONTAINER_APPS)
container_apps_list_command = list_command_of(CONTAINER_APPS)


@click.group(
    name="azure-functions",
    cls=LazyGroup,
    entries=FUNCTIONS.entries(__name__, "functions_"),
    short_help="Run bundles on Azure Functions.",
)
def azure_functions_command() -> None:
    """Run bundles on Azure Functions, in a custom container, with az; the registry records what runs."""


@click.group(
    name="azure-container-apps",
    cls=LazyGroup,
    entries=CONTAINER_APPS.entries(__name__, "container_apps_"),
    short_help="Run bundles on Azure Container Apps.",
)
def azure_container_apps_command() -> None:
    """Run bundles on Azure Container Apps, with az; the registry records what runs."""
