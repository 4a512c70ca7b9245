"""What `deploy` and `update` want of a deployment, on all platforms."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bentoml.cli.deployment_actions import chosen_namespace
from bentoml.exceptions import CLIException
from bentoml.types import Tag

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bentoml.cli.deployment_actions import Change
    from bentoml.yatai.deployment_models import Deployment, DeploymentSpec, NewDeployment, Operator
    from bentoml.yatai.registry import Registry


def given_settings(options: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a deployment: those of before, with those that are given in their place.

    Args:
        options: of the command line, None or an empty tuple where not given; an empty text or mapping, or a tuple of an
            empty text, takes a setting back.
        before: settings of the record; empty for a new one.
    """
    given = {name: value for name, value in options.items() if value not in (None, ())}
    taken_back = {name for name, value in given.items() if value in ("", {}, ("",))}
    given = {name: list(value) if isinstance(value, tuple) else value for name, value in given.items()}
    return {name: value for name, value in {**before, **given}.items() if name not in taken_back}


def wanted_spec(registry: Registry, bento: str, operator: Operator, settings: Mapping[str, Any]) -> DeploymentSpec:
    """What runs: the exact version that `latest` or an alias means now.

    Raises:
        NotFound: there is no such bundle.
    """
    from bentoml.yatai.deployment_models import DeploymentSpec

    found = registry.find(Tag.parse(bento))
    return DeploymentSpec(found.name, found.version, operator, settings)


def new_wish(name: str, namespace: str | None, spec: DeploymentSpec, asked: Change) -> NewDeployment:
    """A deployment that is not there yet."""
    from bentoml.yatai.deployment_models import NewDeployment

    return NewDeployment(chosen_namespace(namespace), name, spec, dict(asked.labels or {}))


def changed_wish(
    registry: Registry, found: Deployment, bento: str | None, settings: Mapping[str, Any], asked: Change
) -> NewDeployment:
    """A deployment with other settings, and what else is given; the rest stays as it is recorded.

    Raises:
        NotFound: there is no such bundle.
    """
    from bentoml.yatai.deployment_models import NewDeployment

    spec = replace(found.spec, operator_config=settings)
    if bento is not None:
        spec = wanted_spec(registry, bento, found.spec.operator, settings)
    labels = found.labels if asked.labels is None else asked.labels
    return NewDeployment(found.namespace, found.name, spec, dict(labels), found.annotations)


def refuse_image_of_other(found: Deployment, wanted: NewDeployment) -> None:
    """Refuse the image of the bundle of before, when its name has a tag or a digest and so cannot mean another one.

    Args:
        found: as it is recorded.
        wanted: with which settings it shall go on.

    Raises:
        CLIException: another bundle shall run, and the image stays.
    """
    image, before, now = str(wanted.spec.operator_config.get("image", "")), found.spec.bento_tag, wanted.spec.bento_tag
    is_fixed = "@" in image or ":" in image.rpartition("/")[2]
    if is_fixed and now != before and image == found.spec.operator_config.get("image"):
        raise CLIException(f"{image} is the image of {before}: give --image for that of {now}")
