"""Deployments on AWS Lambda: an image in ECR, and a stack with functions that run it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bentoml.deploy.aws.bundle_image import PLATFORMS
from bentoml.deploy.aws.ecr_image import BuildContext, EcrImage
from bentoml.deploy.aws.function_image import CONTEXT, DOCKERFILE, dockerfile
from bentoml.deploy.aws.lambda_options import GATEWAY_LIMIT_S, LambdaOptions
from bentoml.deploy.aws.lambda_template import FunctionStack
from bentoml.deploy.aws.repository import Repository
from bentoml.deploy.aws.stack_deployer import MadeImage, StackDeployer
from bentoml.deploy.aws.template_values import template_text
from bentoml.exceptions import InvalidArgument
from bentoml.yatai.deployment_models import Operator

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bentoml.deploy.aws.bundle_image import BundleImage
    from bentoml.deploy.aws.place import Place
    from bentoml.service.metadata import ApiMetadata, BentoServiceMetadata


class LambdaDeployer(StackDeployer):
    """See `Deployer`."""

    @property
    def operator(self) -> Operator:
        """See `Deployer`."""
        return Operator.AWS_LAMBDA

    def _options(self, config: Mapping[str, Any]) -> LambdaOptions:
        return LambdaOptions.from_config(config)

    def _platform(self, options: LambdaOptions) -> str:
        return PLATFORMS[options.architecture]

    def _template(self, name: str, bundle: str, options: LambdaOptions, service: BentoServiceMetadata) -> str:
        stack = FunctionStack(name, bundle, options, _chosen_apis(service, options))
        return template_text(stack.template(), f"deploy the {len(stack.apis)} APIs one by one with api_name")

    def _made(self, bundle: BundleImage, name: str, owner: str, place: Place) -> MadeImage:
        """The image of a function, which is built on that of the bundle."""
        image = bundle.name_in(name, place)
        push = EcrImage(image, BuildContext(CONTEXT, bundle.platform), self.engine)
        steps = (Repository(name, owner, place), bundle.build(), push)
        return MadeImage(image, steps, {DOCKERFILE: dockerfile(bundle.local_name)})

    def _notes(self, options: LambdaOptions) -> Iterator[str]:
        if options.endpoint == "http-api" and options.timeout > GATEWAY_LIMIT_S:
            yield (
                f"API Gateway gives up after {GATEWAY_LIMIT_S} seconds, whatever the timeout of the function: for "
                "longer requests choose the endpoint function-url"
            )


def _chosen_apis(service: BentoServiceMetadata, options: LambdaOptions) -> list[ApiMetadata]:
    chosen = [api for api in service.apis if options.api_name in {None, api.name}]
    if not chosen:
        names = ", ".join(api.name for api in service.apis) or "none"
        raise InvalidArgument(f"the bundle has no API {options.api_name or ''!r}; it has {names}")
    return chosen
