"""`bentoml kubernetes`: deployments on Kubernetes."""

from __future__ import annotations

import click

from bentoml.cli.deployment_commands import Platform, delete_command_of, get_command_of, list_command_of
from bentoml.cli.lazy_group import CommandEntry, LazyGroup

PLATFORM = Platform("Kubernetes", "KUBERNETES")
COMMANDS = (
    *PLATFORM.entries(__name__),
    CommandEntry(
        "manifests", "bentoml.cli.kubernetes_manifests:manifests_command", "Print or write objects for other programs."
    ),
)

delete_command = delete_command_of(PLATFORM)
get_command = get_command_of(PLATFORM)
list_command = list_command_of(PLATFORM)


@click.group(name="kubernetes", cls=LazyGroup, entries=COMMANDS, short_help="Run bundles on Kubernetes.")
def kubernetes_command() -> None:
    """Run bundles on Kubernetes, with kubectl; the registry records what runs."""
