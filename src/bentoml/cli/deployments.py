"""`bentoml deployment`: deployments on all platforms, and the commands that look at their records."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from bentoml.cli.deployment_options import listing_options, one_deployment
from bentoml.cli.lazy_group import CommandEntry, LazyGroup
from bentoml.cli.options import bento_command, output_option, yatai_url_option

if TYPE_CHECKING:
    from bentoml.exceptions import Status

COMMANDS = (
    CommandEntry("create", "bentoml.cli.deployment_files:create_command", "Make a deployment out of a YAML file."),
    CommandEntry("apply", "bentoml.cli.deployment_files:apply_command", "Make or change what a YAML file says."),
    CommandEntry("delete", "bentoml.cli.deployment_files:delete_command", "Remove a deployment."),
    CommandEntry("get", "bentoml.cli.deployments:get_deployment_command", "Show the record of a deployment."),
    CommandEntry("list", "bentoml.cli.deployments:list_deployments_command", "List recorded deployments."),
)
# Short names of the classic command line, before the names of the platforms themselves.
PLATFORMS = {
    "lambda": "AWS_LAMBDA",
    "sagemaker": "AWS_SAGEMAKER",
    "ec2": "AWS_EC2",
    "azure-functions": "AZURE_FUNCTIONS",
    "azure-container-apps": "AZURE_CONTAINER_APPS",
    "cloud-run": "CLOUD_RUN",
    "custom": "CUSTOM",
    "ecs": "ECS",
    "kubernetes": "KUBERNETES",
    "ray": "RAY",
}


@click.group(
    name="deployment",
    cls=LazyGroup,
    entries=COMMANDS,
    short_help="Look after bundles that run somewhere.",
)
def deployment_group() -> None:
    """Make, change and remove deployments out of files, and show what is recorded of all."""


@bento_command("list", short_help="List recorded deployments.")
@click.option("-p", "--platform", type=click.Choice(list(PLATFORMS)), help="Only those on one kind of platform.  [all]")
@listing_options
def list_deployments_command(
    platform: str | None,
    namespace: str | None,
    labels: str | None,
    limit: int | None,
    order_by: str,
    ascending: bool,
    output: str | None,
    yatai_url: str | None,
) -> None:
    """List recorded deployments, newest first."""
    from bentoml.cli.deployment_view import print_deployments
    from bentoml.yatai.client import get_yatai_client

    answer = get_yatai_client(yatai_url).deployment.list(
        limit=limit,
        labels=labels,
        namespace=namespace,
        is_all_namespaces=namespace is None,
        operator=None if platform is None else PLATFORMS[platform],
        order_by=order_by,
        ascending_order=ascending,
    )
    _see_that_all_is_well(answer.status)
    print_deployments(answer.deployments, output or "table")


@bento_command("get", short_help="Show the record of a deployment.")
@one_deployment
@output_option
@yatai_url_option
def get_deployment_command(name: str, namespace: str | None, output: str | None, yatai_url: str | None) -> None:
    """Show the record of a deployment."""
    from bentoml.cli.deployment_view import print_deployments
    from bentoml.yatai.client import get_yatai_client

    answer = get_yatai_client(yatai_url).deployment.get(namespace, name)
    _see_that_all_is_well(answer.status)
    assert answer.deployment is not None, "an answer with the status OK has a deployment"
    print_deployments([answer.deployment], output or "json")


def _see_that_all_is_well(status: Status) -> None:
    from bentoml.exceptions import StatusCode, YataiDeploymentException

    if status.status_code is not StatusCode.OK:
        raise YataiDeploymentException(status.error_message)
