"""Deployments on AWS Lambda: an image in ECR, and a stack with functions that run it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bentoml.deploy.aws.bundle_image import PLATFORMS, BundleImage
from bentoml.deploy.aws.ecr_image import BuildContext, EcrImage, EcrName
from bentoml.deploy.aws.function_image import CONTEXT, DOCKERFILE, dockerfile
from bentoml.deploy.aws.lambda_options import GATEWAY_LIMIT_S, LambdaOptions
from bentoml.deploy.aws.lambda_template import FunctionStack
from bentoml.deploy.aws.names import base_name, owner_of
from bentoml.deploy.aws.observation import observe_stack
from bentoml.deploy.aws.place import Place
from bentoml.deploy.aws.repository import REPOSITORY, Repository, RepositoryRemoval
from bentoml.deploy.aws.stack import TEMPLATE, Stack, StackRemoval
from bentoml.deploy.aws.template_values import template_text
from bentoml.deploy.plans import Plan
from bentoml.exceptions import InvalidArgument
from bentoml.yatai.deployment_models import Operator
from bentoml.yatai.resolve import resolve_bundle_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from bentoml.deploy.plans import Step
    from bentoml.service.metadata import ApiMetadata, BentoServiceMetadata
    from bentoml.yatai.deployment_models import Deployment, DeploymentResource, DeploymentState, NewDeployment


@dataclass(frozen=True)
class LambdaDeployer:
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
        return Operator.AWS_LAMBDA

    def plan(self, wanted: NewDeployment, service: BentoServiceMetadata) -> Plan:
        """See `Deployer`."""
        options = LambdaOptions.from_config(wanted.spec.operator_config)
        place = Place(options.region, options.account)
        name, owner = base_name(wanted), owner_of(wanted)
        files: dict[str, str] = {}
        steps: list[Step] = []
        image: EcrName | str
        if options.image is not None:
            image = options.image
        else:
            bundle = BundleImage(wanted.spec, PLATFORMS[options.architecture], self.bundle, self.engine)
            image = bundle.name_in(name, place)
            files[DOCKERFILE] = dockerfile(bundle.local_name)
            context = BuildContext(CONTEXT, bundle.platform)
            steps += [Repository(name, owner, place), bundle.build(), EcrImage(image, context, self.engine)]
        stack = FunctionStack(name, wanted.spec.bento_tag, options, _chosen_apis(service, options))
        advice = f"deploy the {len(stack.apis)} APIs one by one with api_name"
        files[TEMPLATE] = template_text(stack.template(), advice)
        steps.append(Stack(name, owner, place, image))
        return Plan(files, tuple(steps), tuple(_notes(options)))

    def removal(self, resource: DeploymentResource) -> Step:
        """See `Deployer`."""
        return RepositoryRemoval(resource) if resource.kind == REPOSITORY else StackRemoval(resource)

    def observe(self, deployment: Deployment) -> DeploymentState:
        """See `Deployer`."""
        options = LambdaOptions.from_config(deployment.spec.operator_config)
        return observe_stack(base_name(deployment), Place(options.region, options.account))


def _chosen_apis(service: BentoServiceMetadata, options: LambdaOptions) -> list[ApiMetadata]:
    chosen = [api for api in service.apis if options.api_name in {None, api.name}]
    if not chosen:
        names = ", ".join(api.name for api in service.apis) or "none"
        raise InvalidArgument(f"the bundle has no API {options.api_name or ''!r}; it has {names}")
    return chosen


def _notes(options: LambdaOptions) -> Iterator[str]:
    if options.endpoint == "http-api" and options.timeout > GATEWAY_LIMIT_S:
        yield (
            f"API Gateway gives up after {GATEWAY_LIMIT_S} seconds, whatever the timeout of the function: for longer "
            "requests choose the endpoint function-url"
        )
