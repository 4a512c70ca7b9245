"""What all deployments on AWS share: an image in ECR, and a stack of CloudFormation that runs it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bentoml.deploy.aws.bundle_image import BundleImage
from bentoml.deploy.aws.names import base_name, owner_of
from bentoml.deploy.aws.observation import observe_stack
from bentoml.deploy.aws.place import Place
from bentoml.deploy.aws.repository import REPOSITORY, RepositoryRemoval
from bentoml.deploy.aws.stack import TEMPLATE, Stack, StackRemoval
from bentoml.deploy.plans import Plan
from bentoml.yatai.resolve import resolve_bundle_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

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
class MadeImage:
    """How the image of a stack comes about.

    Attributes:
        image: where it is in the end.
        steps: that put it there.
        files: of the plan, which they use.
    """

    image: EcrName | str
    steps: tuple[Step, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class StackDeployer(ABC):
    """See `Deployer`.

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

    def plan(self, wanted: NewDeployment, service: BentoServiceMetadata) -> Plan:
        """See `Deployer`."""
        options = self._options(wanted.spec.operator_config)
        place = Place(options.region, options.account)
        name, owner = base_name(wanted), owner_of(wanted)
        template = self._template(name, wanted.spec.bento_tag, options, service)
        if options.image is not None:
            made = MadeImage(options.image)
        else:
            bundle = BundleImage(wanted.spec, self._platform(options), self.bundle, self.engine)
            made = self._made(bundle, name, owner, place)
        stack = Stack(name, owner, place, made.image)
        return Plan({**made.files, TEMPLATE: template}, (*made.steps, stack), tuple(self._notes(options)))

    def removal(self, resource: DeploymentResource) -> Step:
        """See `Deployer`."""
        return RepositoryRemoval(resource) if resource.kind == REPOSITORY else StackRemoval(resource)

    def observe(self, deployment: Deployment) -> DeploymentState:
        """See `Deployer`."""
        options = self._options(deployment.spec.operator_config)
        return self._observe(base_name(deployment), Place(options.region, options.account))

    @abstractmethod
    def _options(self, config: Mapping[str, Any]) -> Any:
        """What the user asks for."""

    @abstractmethod
    def _platform(self, options: Any) -> str:
        """For which processors the image is, such as `linux/amd64`."""

    @abstractmethod
    def _template(self, name: str, bundle: str, options: Any, service: BentoServiceMetadata) -> str:
        """The text of the template, whose parameter is the image."""

    @abstractmethod
    def _notes(self, options: Any) -> Iterator[str]:
        """What a person should know."""

    def _made(self, bundle: BundleImage, name: str, owner: str, place: Place) -> MadeImage:
        """The image that is built: that of the bundle."""
        return MadeImage(bundle.name_in(name, place), bundle.steps(name, owner, place))

    def _observe(self, name: str, place: Place) -> DeploymentState:
        """How the stack does, and what it runs."""
        return observe_stack(name, place)
