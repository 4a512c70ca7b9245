"""`bentoml lambda deploy` and `update`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from bentoml.cli.deployment_actions import Change, change, chosen_namespace, open_registry, say_to
from bentoml.cli.deployment_options import change_options, one_deployment, read_pairs, together
from bentoml.cli.options import bento_command
from bentoml.types import Tag

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bentoml.cli.command import Verbosity
    from bentoml.deploy.plans import Deployments
    from bentoml.yatai.deployment_models import DeploymentSpec
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
    from bentoml.yatai.deployment_models import NewDeployment

    asked, engine = Change.taken_from(options), options.pop("engine")
    registry = open_registry(asked.yatai_url)
    spec = _spec(registry, bento, _placed(given_settings(options, {}), {}, asked))
    wanted = NewDeployment(chosen_namespace(namespace), name, spec, dict(asked.labels or {}))
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
    from bentoml.yatai.deployment_models import NewDeployment

    asked, engine = Change.taken_from(options), options.pop("engine")
    registry = open_registry(asked.yatai_url)
    found = registry.find_deployment(chosen_namespace(namespace), name)
    before = found.spec.operator_config
    settings = _placed(given_settings(options, before), before, asked)
    spec = replace(found.spec, operator_config=settings) if bento is None else _spec(registry, bento, settings)
    labels = found.labels if asked.labels is None else asked.labels
    wanted = NewDeployment(found.namespace, found.name, spec, dict(labels), found.annotations)
    deployments = _deployments(registry, engine, asked, verbosity)
    change(deployments, wanted, deployments.update, asked, verbosity)


def given_settings(options: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a deployment: those of before, with those that are given in their place.

    Args:
        options: of the command line, None where not given; an empty text, or no variables, takes a setting back.
        before: settings of the record; empty for a new one.
    """
    settings = dict(before)
    for name, value in options.items():
        if value in ("", {}):
            settings.pop(name, None)
        elif value is not None:
            settings[name] = value
    return settings


def _placed(settings: Mapping[str, Any], before: Mapping[str, Any], asked: Change) -> dict[str, Any]:
    """The settings with region and account; a plan, which needs no credentials, has the region alone."""
    from bentoml.deploy.aws.place import with_place, with_region

    return (with_region if asked.is_plan else with_place)(settings, before)


def _spec(registry: Registry, bento: str, settings: dict[str, Any]) -> DeploymentSpec:
    """What runs: the exact version that `latest` or an alias means now."""
    from bentoml.yatai.deployment_models import DeploymentSpec, Operator

    found = registry.find(Tag.parse(bento))
    return DeploymentSpec(found.name, found.version, Operator.AWS_LAMBDA, settings)


def _deployments(registry: Registry, engine: str | None, asked: Change, verbosity: Verbosity) -> Deployments:
    from bentoml.cli.resolving import bundle_path
    from bentoml.deploy.aws.lambda_deployer import LambdaDeployer
    from bentoml.deploy.plans import Deployments

    deployer = LambdaDeployer(lambda tag: bundle_path(tag, asked.yatai_url), engine)
    return Deployments(registry, deployer, say_to(verbosity))
