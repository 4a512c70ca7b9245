"""Deployments on AWS Lambda: an image in ECR, and a stack with functions that run it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bentoml.deploy.aws.function_image import DOCKERFILE, FunctionImage, dockerfile
from bentoml.deploy.aws.lambda_options import GATEWAY_LIMIT_S, LambdaOptions
from bentoml.deploy.aws.lambda_template import FunctionStack
from bentoml.deploy.aws.names import base_name, owner_of
from bentoml.deploy.aws.observation import observe_stack
from bentoml.deploy.aws.place import Place
from bentoml.deploy.aws.repository import REPOSITORY, Repository, RepositoryRemoval
from bentoml.deploy.aws.stack import LARGEST_TEMPLATE, TEMPLATE, Stack, StackRemoval
from bentoml.deploy.container import ImageStep
from bentoml.deploy.container.image_name import image_name, name_of_service, tag_of_version
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

_PLATFORMS = {"x86_64": "linux/amd64", "arm64": "linux/arm64"}


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
        image: Any = options.image
        if options.image is None:
            tag = tag_of_version(wanted.spec.bento_version)
            base = _base_image(wanted)
            files[DOCKERFILE] = dockerfile(base)
            platform = _PLATFORMS[options.architecture]
            steps += [
                Repository(name, owner, place),
                ImageStep(
                    wanted.spec.bento_tag,
                    base,
                    push=False,
                    bundle=lambda: self.bundle(wanted.spec.bento_tag),
                    engine=self.engine,
                    platforms=(platform,),
                ),
                FunctionImage(name, tag, platform, place, self.engine),
            ]
            registry = "${AWS::AccountId}.dkr.ecr.${AWS::Region}.${AWS::URLSuffix}"
            image = {"Fn::Sub": f"{registry}/{name}:{tag}"}
        stack = FunctionStack(name, wanted.spec.bento_tag, image, options, _chosen_apis(service, options))
        files[TEMPLATE] = _template_text(stack)
        steps.append(Stack(name, owner, place))
        return Plan(files, tuple(steps), tuple(_notes(options)))

    def removal(self, resource: DeploymentResource) -> Step:
        """See `Deployer`."""
        return RepositoryRemoval(resource) if resource.kind == REPOSITORY else StackRemoval(resource)

    def observe(self, deployment: Deployment) -> DeploymentState:
        """See `Deployer`."""
        options = LambdaOptions.from_config(deployment.spec.operator_config)
        return observe_stack(base_name(deployment), Place(options.region, options.account))


def _base_image(wanted: NewDeployment) -> str:
    """The image of the bundle, under a name of its own: its processor may be another one than that of this machine."""
    spec = wanted.spec
    return image_name(spec.bento_name, spec.bento_version, f"bentoml-lambda/{name_of_service(spec.bento_name)}")


def _chosen_apis(service: BentoServiceMetadata, options: LambdaOptions) -> list[ApiMetadata]:
    chosen = [api for api in service.apis if options.api_name in {None, api.name}]
    if not chosen:
        names = ", ".join(api.name for api in service.apis) or "none"
        raise InvalidArgument(f"the bundle has no API {options.api_name or ''!r}; it has {names}")
    return chosen


def _template_text(stack: FunctionStack) -> str:
    text = json.dumps(stack.template(), indent=1) + "\n"
    if len(text.encode()) > LARGEST_TEMPLATE:
        raise InvalidArgument(
            f"{len(stack.apis)} APIs make a template of more than {LARGEST_TEMPLATE} bytes, which CloudFormation does "
            "not take; deploy them one by one with api_name"
        )
    return text


def _notes(options: LambdaOptions) -> Iterator[str]:
    if options.endpoint == "http-api" and options.timeout > GATEWAY_LIMIT_S:
        yield (
            f"API Gateway gives up after {GATEWAY_LIMIT_S} seconds, whatever the timeout of the function: for longer "
            "requests choose the endpoint function-url"
        )
