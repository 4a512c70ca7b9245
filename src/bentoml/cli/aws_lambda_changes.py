"""`bentoml lambda deploy` and `update`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from bentoml.cli.deployment_actions import Change, change, chosen_namespace, open_registry, say_to
from bentoml.cli.deployment_options import change_options, one_deployment, read_pairs, together
from bentoml.cli.deployment_wishes import changed_wish, given_settings, new_wish, wanted_spec
from bentoml.cli.options import bento_command

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bentoml.cli.command import Verbosity
    from bentoml.deploy.plans import Deployments
    from bentoml.yatai.registry import Registry

_PAIRS: dict[str, Any] = {"multiple": True, "metavar": "NAME=VALUE", "callback": read_pairs}
platform_options = together(
    click.option("--region", metavar="NAME", help="Region of AWS.  [AWS_REGION, or that of the profile]"),
    click.option("--api-name", metavar="NAME", help="The one API that gets a function.  [all]"),
    click.option("--memory-size", type=int, metavar="MB", help="Of a function, 128 to 3008 in steps of 64.  [1024]"),
    click.option("--timeout", type=int, metavar="SECONDS", help="Longest time for a request, 1 to 900.  [3]"),
    click.option("--endpoint", metavar="KIND", help="http-api, function-url or none.  [http-api]"),
    click.option("--architecture", metavar="NAME", help="x86_64 or arm64.  [x86_64]"),
    click.option("--image", metavar="ADDRESS", help="Image in ECR to use, instead of building one."),
    click.option("--env", **_PAIRS, help="Variable of the functions; may be given several times."),
)
"""One option for each field of `LambdaOptions` that a user chooses."""
engine_option = click.option(
    "--engine", metavar="NAME", help="What builds the image: docker, podman or buildah.  [the first that is there]"
)


@bento_command("deploy", short_help="Run a bundle on AWS Lambda.")
@one_deployment
@click.option("-b", "--bento", "--bento-service-bundle", "bento", required=True, metavar="NAME:VERSION", help="Bundle.")
@platform_options
@engine_option
@change_options
@click.pass_obj
def deploy_command(verbosity: Verbosity, /, name: str, namespace: str | None, bento: str, **options: Any) -> None:
    """Run a bundle on AWS Lambda as the deployment NAME, and record what exists of it."""
    from bentoml.yatai.deployment_models import Operator

    asked, engine = Change.taken_from(options), options.pop("engine")
    registry = open_registry(asked.yatai_url)
    settings = _placed(given_settings(options, {}), {}, asked)
    wanted = new_wish(name, namespace, wanted_spec(registry, bento, Operator.AWS_LAMBDA, settings), asked)
    deployments = _deployments(registry, engine, asked, verbosity)
    change(deployments, wanted, deployments.deploy, asked, verbosity)


@bento_command("update", short_help="Change a deployment on AWS Lambda.")
@one_deployment
@click.option("-b", "--bento", "--bento-service-bundle", "bento", metavar="NAME:VERSION", help="Another bundle.")
@platform_options
@engine_option
@change_options
@click.pass_obj
def update_command(
    verbosity: Verbosity, /, name: str, namespace: str | None, bento: str | None, **options: Any
) -> None:
    """Change the deployment NAME, or go on with one that has failed.

    What is not given stays as it is recorded; an empty text takes an option back.
    """
    asked, engine = Change.taken_from(options), options.pop("engine")
    registry = open_registry(asked.yatai_url)
    found = registry.find_deployment(chosen_namespace(namespace), name)
    before = found.spec.operator_config
    settings = _placed(given_settings(options, before), before, asked)
    wanted = changed_wish(registry, found, bento, settings, asked)
    deployments = _deployments(registry, engine, asked, verbosity)
    change(deployments, wanted, deployments.update, asked, verbosity)


def _placed(settings: Mapping[str, Any], before: Mapping[str, Any], asked: Change) -> dict[str, Any]:
    """The settings with region and account; a plan, which needs no credentials, has the region alone."""
    from bentoml.deploy.aws.place import with_place, with_region

    return (with_region if asked.is_plan else with_place)(settings, before)


def _deployments(registry: Registry, engine: str | None, asked: Change, verbosity: Verbosity) -> Deployments:
    from bentoml.cli.resolving import bundle_path
    from bentoml.deploy.aws.lambda_deployer import LambdaDeployer
    from bentoml.deploy.plans import Deployments

    deployer = LambdaDeployer(lambda tag: bundle_path(tag, asked.yatai_url), engine)
    return Deployments(registry, deployer, say_to(verbosity))
