"""`bentoml lambda`: deployments on AWS Lambda."""

from __future__ import annotations

import click

from bentoml.cli.deployment_commands import Platform, delete_command_of, get_command_of, list_command_of
from bentoml.cli.lazy_group import CommandEntry, LazyGroup

PLATFORM = Platform("AWS Lambda", "AWS_LAMBDA")
COMMANDS = (
    CommandEntry("deploy", "bentoml.cli.aws_lambda_changes:deploy_command", "Run a bundle on AWS Lambda."),
    CommandEntry("update", "bentoml.cli.aws_lambda_changes:update_command", "Change a deployment on AWS Lambda."),
    CommandEntry("delete", "bentoml.cli.aws_lambda:delete_command", "Remove a deployment on AWS Lambda."),
    CommandEntry("get", "bentoml.cli.aws_lambda:get_command", "Show how a deployment on AWS Lambda does."),
    CommandEntry("list", "bentoml.cli.aws_lambda:list_command", "List the deployments on AWS Lambda."),
)

delete_command = delete_command_of(PLATFORM)
get_command = get_command_of(PLATFORM)
list_command = list_command_of(PLATFORM)


@click.group(name="lambda", cls=LazyGroup, entries=COMMANDS, short_help="Run bundles on AWS Lambda.")
def lambda_command() -> None:
    """Run bundles as functions of AWS Lambda; the registry records what runs."""
