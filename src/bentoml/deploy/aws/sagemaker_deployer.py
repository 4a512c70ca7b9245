"""Deployments on AWS SageMaker: the image of the bundle in ECR, and a stack with an endpoint that runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bentoml.deploy.aws.sagemaker_observation import observe_endpoint
from bentoml.deploy.aws.sagemaker_options import ANSWER_LIMIT_S, SageMakerOptions
from bentoml.deploy.aws.sagemaker_template import EndpointStack
from bentoml.deploy.aws.stack_deployer import StackDeployer
from bentoml.deploy.aws.template_values import FEWER_VARIABLES, template_text
from bentoml.service.sagemaker import answering_api
from bentoml.yatai.deployment_models import Operator

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bentoml.deploy.aws.place import Place
    from bentoml.service.metadata import BentoServiceMetadata
    from bentoml.yatai.deployment_models import DeploymentState


class SageMakerDeployer(StackDeployer):
    """See `Deployer`."""

    @property
    def operator(self) -> Operator:
        """See `Deployer`."""
        return Operator.AWS_SAGEMAKER

    def _options(self, config: Mapping[str, Any]) -> SageMakerOptions:
        return SageMakerOptions.from_config(config)

    def _platform(self, options: SageMakerOptions) -> str:
        return options.platform

    def _template(self, name: str, bundle: str, options: SageMakerOptions, service: BentoServiceMetadata) -> str:
        api_name = answering_api(service, options.api_name, "api_name").name
        return template_text(EndpointStack(name, bundle, api_name, options).template(), FEWER_VARIABLES)

    def _notes(self, options: SageMakerOptions) -> Iterator[str]:
        if options.timeout > ANSWER_LIMIT_S:
            yield f"SageMaker gives up after {ANSWER_LIMIT_S} seconds, whatever the timeout of the server"
        if options.autoscale_max_size is not None:
            yield "SageMaker refuses another instance type while the instances are scaled: take that back first"

    def _observe(self, name: str, place: Place) -> DeploymentState:
        return observe_endpoint(name, place)
