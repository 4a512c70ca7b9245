"""`bentoml ecs`: deployments on AWS ECS."""

from __future__ import annotations

import click

from bentoml.cli.deployment_commands import Platform, delete_command_of, get_command_of, list_command_of
from bentoml.cli.lazy_group import LazyGroup

PLATFORM = Platform("AWS ECS", "ECS")

delete_command = delete_command_of(PLATFORM)
get_command = get_command_of(PLATFORM)
list_command = list_command_of(PLATFORM)


@click.group(name="ecs", cls=LazyGroup, entries=PLATFORM.entries(__name__), short_help="Run bundles on AWS ECS.")
def ecs_command() -> None:
    """Run bundles as tasks of Fargate behind a load balancer; the registry records what runs."""
