"""`bentoml deployment create`, `apply` and `delete`: on any platform, out of YAML files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bentoml.cli.deployment_actions import Change, change, chosen_namespace, open_registry, say_to
from bentoml.cli.deployment_commands import delete_deployment
from bentoml.cli.deployment_options import force_option, one_deployment, plan_options, together, wait_options
from bentoml.cli.options import bento_command, output_option, yatai_url_option
from bentoml.exceptions import InvalidArgument, NotFound

if TYPE_CHECKING:
    from bentoml.cli.command import Verbosity
    from bentoml.yatai.deployment_models import Deployment, NewDeployment
    from bentoml.yatai.registry import Registry

file_options = together(
    click.option(
        "-f",
        "--file",
        "path",
        required=True,
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        metavar="FILE",
        help="YAML file with name, namespace, labels, annotations and spec.",
    ),
    plan_options,
    wait_options,
    output_option,
    yatai_url_option,
)


@bento_command("create", short_help="Make a deployment out of a YAML file.")
@file_options
@click.pass_obj
def create_command(verbosity: Verbosity, /, path: Path, **options: Any) -> None:
    """Make the deployment that a YAML file describes, which is not there yet."""
    _carry_out(path, options, verbosity, must_be_new=True)


@bento_command("apply", short_help="Make or change what a YAML file says.")
@file_options
@click.pass_obj
def apply_command(verbosity: Verbosity, /, path: Path, **options: Any) -> None:
    """Make the deployment that a YAML file describes, or make it as the file says: what is not there gets its default.

    One that has failed half-way goes on.
    """
    _carry_out(path, options, verbosity, must_be_new=False)


@bento_command("delete", short_help="Remove a deployment.")
@one_deployment
@force_option
@yatai_url_option
@click.pass_obj
def delete_command(verbosity: Verbosity, name: str, namespace: str | None, force: bool, yatai_url: str | None) -> None:
    """Remove what exists of a deployment on its platform, then its record."""
    from bentoml.cli.deployment_platforms import deployer_of
    from bentoml.deploy.plans import Deployments

    registry = open_registry(yatai_url)
    found = registry.find_deployment(chosen_namespace(namespace), name)
    deployments = Deployments(registry, deployer_of(found.spec.operator, yatai_url), say_to(verbosity))
    delete_deployment(deployments, found.namespace, found.name, force=force)


def read_file(path: Path) -> NewDeployment:
    """The deployment that a file describes.

    Raises:
        InvalidArgument: it is no YAML, no deployment, or has settings of another operator.
    """
    import yaml

    from bentoml.yatai.deployment_reading import read_deployment, refuse_settings_of_others

    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise InvalidArgument(f"{path} is no YAML: {error}") from error
    if not isinstance(document, dict):
        raise InvalidArgument(f"{path} must be a mapping with name, namespace, labels, annotations and spec")
    found = read_deployment(document, chosen_namespace(None))
    refuse_settings_of_others(document.get("spec") or {}, found.spec.operator)
    return found


def _carry_out(path: Path, options: dict[str, Any], verbosity: Verbosity, *, must_be_new: bool) -> None:
    from bentoml.cli.deployment_platforms import deployer_of, placed
    from bentoml.deploy.plans import Deployments

    asked = Change.taken_from({**options, "labels": None})
    wanted = read_file(path)
    registry = open_registry(asked.yatai_url)
    deployments = Deployments(registry, deployer_of(wanted.spec.operator, asked.yatai_url), say_to(verbosity))
    found = None if must_be_new else _found(registry, wanted)
    before = {} if found is None else found.spec.operator_config
    settings = placed(wanted.spec.operator, wanted.spec.operator_config, before, is_plan=asked.is_plan)
    wanted = replace(wanted, spec=replace(wanted.spec, operator_config=settings))
    change(deployments, wanted, deployments.deploy if found is None else deployments.update, asked, verbosity)


def _found(registry: Registry, wanted: NewDeployment) -> Deployment | None:
    try:
        return registry.find_deployment(wanted.namespace, wanted.name)
    except NotFound:
        return None
