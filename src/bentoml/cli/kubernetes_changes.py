"""`bentoml kubernetes deploy` and `update`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from bentoml.cli.deployment_actions import Change, change, chosen_namespace, open_registry, say_to
from bentoml.cli.deployment_options import change_options, one_deployment
from bentoml.cli.kubernetes_options import build_options, given_settings, platform_options
from bentoml.cli.options import bento_command
from bentoml.exceptions import CLIException
from bentoml.types import Tag

if TYPE_CHECKING:
    from bentoml.cli.command import Verbosity
    from bentoml.deploy.container import ImageStep
    from bentoml.deploy.plans import Deployments
    from bentoml.yatai.deployment_models import Deployment, DeploymentSpec, NewDeployment
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
    from bentoml.yatai.deployment_models import NewDeployment

    asked, build = Change.taken_from(options), _taken_build(options)
    registry = open_registry(asked.yatai_url)
    settings = _with_context(given_settings(options, {}), asked)
    wanted = NewDeployment(
        chosen_namespace(namespace), name, wanted_spec(registry, bento, settings), dict(asked.labels or {})
    )
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
    from bentoml.yatai.deployment_models import NewDeployment

    asked, build = Change.taken_from(options), _taken_build(options)
    registry = open_registry(asked.yatai_url)
    found = registry.find_deployment(chosen_namespace(namespace), name)
    settings = _with_context(given_settings(options, dict(found.spec.operator_config)), asked)
    spec = replace(found.spec, operator_config=settings)
    if bento is not None:
        spec = wanted_spec(registry, bento, settings)
        _refuse_image_of_other(found, spec, settings)
    labels = found.labels if asked.labels is None else asked.labels
    wanted = NewDeployment(found.namespace, found.name, spec, dict(labels), found.annotations)
    deployments = _deployments(registry, wanted, build, asked.yatai_url, verbosity)
    change(deployments, wanted, deployments.update, asked, verbosity)


def wanted_spec(registry: Registry, bento: str, settings: dict[str, Any]) -> DeploymentSpec:
    """What runs: the exact version that `latest` or an alias means now."""
    from bentoml.yatai.deployment_models import DeploymentSpec, Operator

    found = registry.find(Tag.parse(bento))
    return DeploymentSpec(found.name, found.version, Operator.KUBERNETES, settings)


def _refuse_image_of_other(found: Deployment, spec: DeploymentSpec, settings: dict[str, Any]) -> None:
    """Refuse the image of the bundle of before, when its name has a tag or a digest and so cannot mean another one.

    Raises:
        CLIException: another bundle shall run, and the image stays.
    """
    image = str(settings["image"])
    is_fixed = "@" in image or ":" in image.rpartition("/")[2]
    if is_fixed and spec.bento_tag != found.spec.bento_tag and image == found.spec.operator_config.get("image"):
        raise CLIException(f"{image} is the image of {found.spec.bento_tag}: give --image for that of {spec.bento_tag}")


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
