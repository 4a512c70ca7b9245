"""Which program looks after the deployments on which platform."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bentoml.exceptions import CLIException
from bentoml.yatai.deployment_models import Operator

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from typing import Any

    from bentoml.deploy.plans import Deployer

_ON_AZURE = (Operator.AZURE_FUNCTIONS, Operator.AZURE_CONTAINER_APPS)
_ON_AWS = (Operator.AWS_LAMBDA, Operator.AWS_SAGEMAKER, Operator.ECS, Operator.AWS_EC2)
_SUPPORTED = (Operator.KUBERNETES, *_ON_AWS, *_ON_AZURE, Operator.RAY)


def deployer_of(
    operator: Operator,
    yatai_url: str | None = None,
    *,
    build: bool | None = None,
    push: bool = False,
    engine: str | None = None,
) -> Deployer:
    """The deployer of a kind of platform.

    Args:
        operator: the kind.
        yatai_url: registry with the bundles, for a platform whose images are built.
        build: whether the image is built, or there already; None for what is usual on the platform.
        push: build the image and put it into the registry of its name, on a platform that has no registry of its own.
        engine: what builds, as in `containerize`.

    Raises:
        CLIException: there is none, or none is named.
    """
    if operator is Operator.UNSET:
        raise CLIException("The deployment names no operator: write spec.operator, such as kubernetes")
    if operator is Operator.KUBERNETES:
        return _on_kubernetes(_bundles(yatai_url), build=bool(build) or push, push=push, engine=engine)
    if operator in _ON_AWS:
        return _on_aws(operator, _bundles(yatai_url), engine)
    if operator in _ON_AZURE:
        return _on_azure(operator, _bundles(yatai_url), build=build is not False, engine=engine)
    if operator is Operator.RAY:
        from bentoml.deploy.ray import RayDeployer

        return RayDeployer(_bundles(yatai_url))
    names = ", ".join(each.written for each in _SUPPORTED)
    raise CLIException(f"This version deploys to {names}, and not to {operator.written}")


def placed(
    operator: Operator, settings: Mapping[str, Any], before: Mapping[str, Any], *, is_plan: bool
) -> dict[str, Any]:
    """Settings that say where it is, whatever the programs of this machine mean tomorrow.

    Args:
        operator: the kind of platform.
        settings: as somebody wrote them.
        before: those of the record; empty for a new one, and where `settings` have all of them already.
        is_plan: nobody is asked, and what only others know is left open.
    """
    if operator in _ON_AWS:
        from bentoml.deploy.aws.place import with_place, with_region

        return (with_region if is_plan else with_place)(settings, before)
    if operator is Operator.KUBERNETES and not is_plan:
        from bentoml.deploy.kubernetes import with_context

        return with_context(settings, before)
    if operator in _ON_AZURE and not is_plan:
        from bentoml.deploy.azure import with_subscription

        return with_subscription(settings, before)
    if operator is Operator.RAY:
        from bentoml.deploy.ray import with_place as with_dashboard

        return with_dashboard(settings, before)
    return dict(settings)


def _bundles(yatai_url: str | None) -> Callable[[str], Path]:
    """What gives the directory of a bundle, by its tag."""
    from bentoml.cli.resolving import bundle_path

    return lambda tag: bundle_path(tag, yatai_url)


def _on_kubernetes(bundle: Callable[[str], Path], *, build: bool, push: bool, engine: str | None) -> Deployer:
    from bentoml.deploy.kubernetes import KubernetesDeployer

    if not build:
        return KubernetesDeployer()
    from bentoml.deploy.container import ImageStep

    return KubernetesDeployer(lambda tag, image: ImageStep(tag, image, push, lambda: bundle(tag), engine))


def _on_aws(operator: Operator, bundle: Callable[[str], Path], engine: str | None) -> Deployer:
    from bentoml.deploy.aws.ec2_deployer import Ec2Deployer
    from bentoml.deploy.aws.ecs_deployer import EcsDeployer
    from bentoml.deploy.aws.lambda_deployer import LambdaDeployer
    from bentoml.deploy.aws.sagemaker_deployer import SageMakerDeployer

    deployers: dict[Operator, Callable[..., Deployer]] = {
        Operator.AWS_LAMBDA: LambdaDeployer,
        Operator.AWS_SAGEMAKER: SageMakerDeployer,
        Operator.ECS: EcsDeployer,
        Operator.AWS_EC2: Ec2Deployer,
    }
    return deployers[operator](bundle, engine)


def _on_azure(operator: Operator, bundle: Callable[[str], Path], *, build: bool, engine: str | None) -> Deployer:
    from bentoml.deploy.azure import AzureContainerAppsDeployer, AzureFunctionsDeployer, ImageSource

    source = ImageSource(bundle, engine) if build else None
    is_function = operator is Operator.AZURE_FUNCTIONS
    return AzureFunctionsDeployer(source) if is_function else AzureContainerAppsDeployer(source)
