"""Deployments on a Ray cluster."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bentoml.deploy.plans import Plan
from bentoml.deploy.ray.application import (
    FILE,
    ApplicationStep,
    configuration,
    configuration_text,
)
from bentoml.deploy.ray.arrival import digest_of
from bentoml.deploy.ray.observation import observe_application
from bentoml.deploy.ray.options import RayOptions
from bentoml.deploy.ray.package import PackageStep
from bentoml.deploy.ray.removal import Removal
from bentoml.yatai.deployment_models import Operator
from bentoml.yatai.resolve import resolve_bundle_path

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bentoml.deploy.plans import Step
    from bentoml.service.metadata import BentoServiceMetadata
    from bentoml.yatai.deployment_models import Deployment, DeploymentResource, DeploymentState, NewDeployment

REPLACES_ALL = (
    f"serve deploy {FILE} makes these the only applications of the cluster that were deployed so; bentoml leaves the "
    "others as they are"
)


@dataclass(frozen=True)
class RayDeployer:
    """See `Deployer`.

    Attributes:
        bundle: gives the directory of a bundle, by its tag, when it is sent to the cluster.
    """

    bundle: Callable[[str], Path] = resolve_bundle_path

    @property
    def operator(self) -> Operator:
        """See `Deployer`."""
        return Operator.RAY

    def plan(self, wanted: NewDeployment, service: BentoServiceMetadata) -> Plan:  # noqa: ARG002 - the bundle has it
        """See `Deployer`."""
        options = RayOptions.from_config(wanted.spec.operator_config)
        name, owner, tag = application_name(wanted), f"{wanted.namespace}/{wanted.name}", wanted.spec.bento_tag
        steps: list[Step] = []
        package, digest = None, None
        if options.location is None:
            package = package_name(tag)
            digest = lambda: digest_of(self.bundle(tag))  # noqa: E731 - asked for when the step runs
            job = f"bentoml-{name}-{_short(tag)}"
            steps.append(PackageStep(options.address, package, job, tag, self.bundle))
        steps.append(ApplicationStep(options.address, name, owner, options, package, digest))
        files = {FILE: configuration_text(configuration(name, owner, options, package))}
        return Plan(files, tuple(steps), (REPLACES_ALL,))

    def removal(self, resource: DeploymentResource) -> Removal:
        """See `Deployer`."""
        return Removal(resource)

    def observe(self, deployment: Deployment) -> DeploymentState:
        """See `Deployer`."""
        options = RayOptions.from_config(deployment.spec.operator_config)
        owner = f"{deployment.namespace}/{deployment.name}"
        return observe_application(options, application_name(deployment), owner)


def application_name(wanted: NewDeployment) -> str:
    """What the application is called on the cluster."""
    return f"{wanted.namespace}-{wanted.name}"


def package_name(tag: str) -> str:
    """What the package of a bundle is called on the cluster; a version has one bundle."""
    return f"_ray_pkg_bentoml_{_short(tag)}.zip"


def _short(tag: str) -> str:
    return hashlib.sha256(tag.encode()).hexdigest()[:16]
