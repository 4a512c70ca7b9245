"""`bentoml ray`: deployments on a Ray cluster."""

from __future__ import annotations

import click

from bentoml.cli.deployment_commands import Platform, delete_command_of, get_command_of, list_command_of
from bentoml.cli.lazy_group import LazyGroup

PLATFORM = Platform("Ray", "RAY")

delete_command = delete_command_of(PLATFORM)
get_command = get_command_of(PLATFORM)
list_command = list_command_of(PLATFORM)


@click.group(name="ray", cls=LazyGroup, entries=PLATFORM.entries(__name__), short_help="Run bundles on a Ray cluster.")
def ray_command() -> None:
    """Run bundles on a Ray cluster, with Ray Serve; the registry records what runs."""
