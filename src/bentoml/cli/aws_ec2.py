"""`bentoml ec2`: deployments on AWS EC2."""

from __future__ import annotations

import click

from bentoml.cli.deployment_commands import Platform, delete_command_of, get_command_of, list_command_of
from bentoml.cli.lazy_group import LazyGroup

PLATFORM = Platform("AWS EC2", "AWS_EC2")

delete_command = delete_command_of(PLATFORM)
get_command = get_command_of(PLATFORM)
list_command = list_command_of(PLATFORM)


@click.group(name="ec2", cls=LazyGroup, entries=PLATFORM.entries(__name__), short_help="Run bundles on AWS EC2.")
def ec2_command() -> None:
    """Run bundles as instances of EC2 behind a load balancer; the registry records what runs."""
