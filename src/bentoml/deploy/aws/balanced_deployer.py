"""Servers behind a load balancer: the image of the bundle in ECR, and a stack that runs it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bentoml.deploy.aws.bundle_image import BundleImage
from bentoml.deploy.aws.names import base_name, owner_of
from bentoml.deploy.aws.observation import observe_stack
from bentoml.deploy.aws.place import Place
from bentoml.deploy.aws.repository import REPOSITORY, RepositoryRemoval
from bentoml.deploy.aws.stack import TEMPLATE, Stack, StackRemoval
from bentoml.deploy.aws.template_values import FEWER_VARIABLES, template_text
from bentoml.deploy.plans import Plan
from bentoml.yatai.resolve import resolve_bundle_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from bentoml.deploy.aws.balanced_options import BalancedOptions
    from bentoml.deploy.aws.ecr_image import EcrName
    from bentoml.deploy.plans import Step
    from bentoml.service.metadata import BentoServiceMetadata
    from bentoml.yatai.deployment_models import (
        Deployment,
        DeploymentResource,
        DeploymentState,
        NewDeployment,
        Operator,
    )


@dataclass(frozen=True)
class BalancedDeployer(ABC):
    """What the deployers of such platforms share; see `Deployer`.

    Attributes:
        bundle: gives the directory of a bundle, by its tag, when an image is built.
        engine: what builds it, as in `containerize`.
    """

    bundle: Callable[[str], Path] = resolve_bundle_path
    engine: str | None = None

    @property
    @abstractmethod
    def operator(self) -> Operator:
        """See `Deployer`."""

    def plan(self, wanted: NewDeployment, service: BentoServiceMetadata) -> Plan:  # noqa: ARG002 - it has all APIs
        """See `Deployer`."""
        options = self._options(wanted.spec.operator_config)
        place = Place(options.region, options.account)
        name, owner = base_name(wanted), owner_of(wanted)
        steps: tuple[Step, ...] = ()
        image: EcrName | str
        if options.image is not None:
            image = options.image
        else:
            bundle = BundleImage(wanted.spec, self._platform(options), self.bundle, self.engine)
            image, steps = bundle.name_in(name, place), bundle.steps(name, owner, place)
        text = template_text(self._template(name, wanted.spec.bento_tag, options), FEWER_VARIABLES)
        stack = Stack(name, owner, place, image)
        return Plan({TEMPLATE: text}, (*steps, stack), (*_notes(options), *self._notes(options)))

    def removal(self, resource: DeploymentResource) -> Step:
        """See `Deployer`."""
        return RepositoryRemoval(resource) if resource.kind == REPOSITORY else StackRemoval(resource)

    def observe(self, deployment: Deployment) -> DeploymentState:
        """See `Deployer`."""
        options = self._options(deployment.spec.operator_config)
        place = Place(options.region, options.account)
        return observe_stack(base_name(deployment), place, lambda outputs: self._details(place, outputs))

    @abstractmethod
    def _options(self, config: Mapping[str, Any]) -> Any:
        """What the user asks for."""

    @abstractmethod
    def _platform(self, options: Any) -> str:
        """For which processors the image is, such as `linux/amd64`."""

    @abstractmethod
    def _template(self, name: str, bundle: str, options: Any) -> dict[str, Any]:
        """The template, whose parameter is the image."""

    @abstractmethod
    def _notes(self, options: Any) -> Iterator[str]:
        """What a person should know of this platform."""

    @abstractmethod
    def _details(self, place: Place, outputs: Mapping[str, str]) -> dict[str, Any]:
        """What the state of a deployment that runs says beside its addresses."""


def _notes(options: BalancedOptions) -> Iterator[str]:
    if options.certificate is None and not options.internal:
        yield "requests are not encrypted: with a certificate the load balancer takes https alone"
    if options.certificate is not None:
        yield "make the name of the certificate an alias (CNAME) of the load balancer: its own name is not in it"
