"""`bentoml kubernetes deploy` and `update`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from bentoml.cli.deployment_actions import Change, change, chosen_namespace, open_registry, say_to
from bentoml.cli.deployment_options import change_options, one_deployment
from bentoml.cli.deployment_wishes import changed_wish, new_wish, wanted_spec
from bentoml.cli.kubernetes_options import build_options, kubernetes_settings, platform_options
from bentoml.cli.options import bento_command
from bentoml.exceptions import CLIException

if TYPE_CHECKING:
    from bentoml.cli.command import Verbosity
    from bentoml.deploy.container import ImageStep
    from bentoml.deploy.plans import Deployments
    from bentoml.yatai.deployment_models import Deployment, NewDeployment
    from bentoml.yatai.registry import Registry


@bento_command("deploy", short_help="Run a bundle on Kubernetes.")
@one_deployment
@click.option("-b", "--bento", "--bento-service-bundle", "bento", required=True, metavar="NAME:VERSION", help="Bundle.")
@platform_options
@build_options
@change_options
@click.pass_obj
def deploy_command(verbosity: Verbosity, /, name: str, namespace: str | None, bento: str, **options: Any) -> None:
    """Run a bundle on Kubernetes as the deployment NAME, and record what exists of it."""
    from bentoml.yatai.deployment_models import Operator

    asked, build = Change.taken_from(options), _taken_build(options)
    registry = open_registry(asked.yatai_url)
    settings = _with_context(kubernetes_settings(options, {}), asked)
    wanted = new_wish(name, namespace, wanted_spec(registry, bento, Operator.KUBERNETES, settings), asked)
    deployments = _deployments(registry, wanted, build, asked.yatai_url, verbosity)
    change(deployments, wanted, deployments.deploy, asked, verbosity)


@bento_command("update", short_help="Change a deployment on Kubernetes.")
@one_deployment
@click.option("-b", "--bento", "--bento-service-bundle", "bento", metavar="NAME:VERSION", help="Another bundle.")
@platform_options
@build_options
@change_options
@click.pass_obj
def update_command(
    verbosity: Verbosity, /, name: str, namespace: str | None, bento: str | None, **options: Any
) -> None:
    """Change the deployment NAME, or go on with one that has failed.

    What is not given stays as it is recorded; an empty text takes an option back.
    """
    asked, build = Change.taken_from(options), _taken_build(options)
    registry = open_registry(asked.yatai_url)
    found = registry.find_deployment(chosen_namespace(namespace), name)
    settings = _with_context(kubernetes_settings(options, dict(found.spec.operator_config)), asked)
    wanted = changed_wish(registry, found, bento, settings, asked)
    _refuse_image_of_other(found, wanted)
    deployments = _deployments(registry, wanted, build, asked.yatai_url, verbosity)
    change(deployments, wanted, deployments.update, asked, verbosity)


def _refuse_image_of_other(found: Deployment, wanted: NewDeployment) -> None:
    """Refuse the image of the bundle of before, when its name has a tag or a digest and so cannot mean another one.

    Raises:
        CLIException: another bundle shall run, and the image stays.
    """
    image, before, now = str(wanted.spec.operator_config["image"]), found.spec.bento_tag, wanted.spec.bento_tag
    is_fixed = "@" in image or ":" in image.rpartition("/")[2]
    if is_fixed and now != before and image == found.spec.operator_config.get("image"):
        raise CLIException(f"{image} is the image of {before}: give --image for that of {now}")


def _with_context(settings: dict[str, Any], asked: Change) -> dict[str, Any]:
    """The settings with the cluster they are for; a plan, which needs none, has that of kubectl."""
    from bentoml.deploy.kubernetes import with_context

    return settings if asked.is_plan else with_context(settings, {})


def _taken_build(options: dict[str, Any]) -> dict[str, Any]:
    return {name: options.pop(name) for name in ("build", "push", "engine")}


def _deployments(
    registry: Registry, wanted: NewDeployment, build: dict[str, Any], yatai_url: str | None, verbosity: Verbosity
) -> Deployments:
    from bentoml.deploy.kubernetes import KubernetesDeployer
    from bentoml.deploy.plans import Deployments

    before = (_image_step(wanted, build, yatai_url),) if build["build"] or build["push"] else ()
    return Deployments(registry, KubernetesDeployer(before), say_to(verbosity))


def _image_step(wanted: NewDeployment, build: dict[str, Any], yatai_url: str | None) -> ImageStep:
    from bentoml.cli.resolving import bundle_path
    from bentoml.deploy.container import ImageStep

    tag = wanted.spec.bento_tag
    image = wanted.spec.operator_config["image"]
    return ImageStep(tag, image, build["push"], lambda: bundle_path(tag, yatai_url), build["engine"])
