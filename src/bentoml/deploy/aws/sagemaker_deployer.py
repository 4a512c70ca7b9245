"""Deployments on AWS SageMaker: the image of the bundle in ECR, and a stack with an endpoint that runs it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bentoml.deploy.aws.bundle_image import BundleImage
from bentoml.deploy.aws.names import base_name, owner_of
from bentoml.deploy.aws.place import Place
from bentoml.deploy.aws.repository import REPOSITORY, RepositoryRemoval
from bentoml.deploy.aws.sagemaker_observation import observe_endpoint
from bentoml.deploy.aws.sagemaker_options import ANSWER_LIMIT_S, SageMakerOptions
from bentoml.deploy.aws.sagemaker_template import EndpointStack
from bentoml.deploy.aws.stack import TEMPLATE, Stack, StackRemoval
from bentoml.deploy.aws.template_values import FEWER_VARIABLES, template_text
from bentoml.deploy.plans import Plan
from bentoml.service.sagemaker import answering_api
from bentoml.yatai.deployment_models import Operator
from bentoml.yatai.resolve import resolve_bundle_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from bentoml.deploy.aws.ecr_image import EcrName
    from bentoml.deploy.plans import Step
    from bentoml.service.metadata import BentoServiceMetadata
    from bentoml.yatai.deployment_models import Deployment, DeploymentResource, DeploymentState, NewDeployment


@dataclass(frozen=True)
class SageMakerDeployer:
    """See `Deployer`.

    Attributes:
        bundle: gives the directory of a bundle, by its tag, when an image is built.
        engine: what builds it, as in `containerize`.
    """

    bundle: Callable[[str], Path] = resolve_bundle_path
    engine: str | None = None

    @property
    def operator(self) -> Operator:
        """See `Deployer`."""
        return Operator.AWS_SAGEMAKER

    def plan(self, wanted: NewDeployment, service: BentoServiceMetadata) -> Plan:
        """See `Deployer`."""
        options = SageMakerOptions.from_config(wanted.spec.operator_config)
        place = Place(options.region, options.account)
        name, owner = base_name(wanted), owner_of(wanted)
        api_name = answering_api(service, options.api_name, "api_name").name
        steps: list[Step] = []
        image: EcrName | str
        if options.image is not None:
            image = options.image
        else:
            bundle = BundleImage(wanted.spec, options.platform, self.bundle, self.engine)
            image = bundle.name_in(name, place)
            steps += bundle.steps(name, owner, place)
        template = EndpointStack(name, wanted.spec.bento_tag, api_name, options).template()
        steps.append(Stack(name, owner, place, image))
        return Plan({TEMPLATE: template_text(template, FEWER_VARIABLES)}, tuple(steps), tuple(_notes(options)))

    def removal(self, resource: DeploymentResource) -> Step:
        """See `Deployer`."""
        return RepositoryRemoval(resource) if resource.kind == REPOSITORY else StackRemoval(resource)

    def observe(self, deployment: Deployment) -> DeploymentState:
        """See `Deployer`."""
        options = SageMakerOptions.from_config(deployment.spec.operator_config)
        return observe_endpoint(base_name(deployment), Place(options.region, options.account))


def _notes(options: SageMakerOptions) -> Iterator[str]:
    if options.timeout > ANSWER_LIMIT_S:
        yield f"SageMaker gives up after {ANSWER_LIMIT_S} seconds, whatever the timeout of the server"
    if options.autoscale_max_size is not None:
        yield "SageMaker refuses another instance type while the instances are scaled: take that back first"
