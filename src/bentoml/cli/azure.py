"""`bentoml azure-functions` and `bentoml azure-container-apps`."""

from __future__ import annotations

import click

from bentoml.cli.deployment_commands import Platform, delete_command_of, get_command_of, list_command_of
from bentoml.cli.lazy_group import CommandEntry, LazyGroup

FUNCTIONS = Platform("Azure Functions", "AZURE_FUNCTIONS")
CONTAINER_APPS = Platform("Azure Container Apps", "AZURE_CONTAINER_APPS")


def _entries(prefix: str, title: str) -> tuple[CommandEntry, ...]:
    own, changes = "bentoml.cli.azure", "bentoml.cli.azure_changes"
    return (
        CommandEntry("deploy", f"{changes}:{prefix}_deploy_command", f"Run a bundle on {title}."),
        CommandEntry("update", f"{changes}:{prefix}_update_command", f"Change a deployment on {title}."),
        CommandEntry("delete", f"{own}:{prefix}_delete_command", f"Remove a deployment on {title}."),
        CommandEntry("get", f"{own}:{prefix}_get_command", f"Show how a deployment on {title} does."),
        CommandEntry("list", f"{own}:{prefix}_list_command", f"List the deployments on {title}."),
    )


functions_delete_command = delete_command_of(FUNCTIONS)
functions_get_command = get_command_of(FUNCTIONS)
functions_list_command = list_command_of(FUNCTIONS)
container_apps_delete_command = delete_command_of(CONTAINER_APPS)
container_apps_get_command = get_command_of(CONTAINER_APPS)
container_apps_list_command = list_command_of(CONTAINER_APPS)


@click.group(
    name="azure-functions",
    cls=LazyGroup,
    entries=_entries("functions", FUNCTIONS.title),
    short_help="Run bundles on Azure Functions.",
)
def azure_functions_command() -> None:
    """Run bundles on Azure Functions, in a custom container, with az; the registry records what runs."""


@click.group(
    name="azure-container-apps",
    cls=LazyGroup,
    entries=_entries("container_apps", CONTAINER_APPS.title),
    short_help="Run bundles on Azure Container Apps.",
)
def azure_container_apps_command() -> None:
    """Run bundles on Azure Container Apps, with az; the registry records what runs."""
