"""Which program looks after the deployments on which platform."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bentoml.exceptions import CLIException
from bentoml.yatai.deployment_models import Operator

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from bentoml.deploy.plans import Deployer
    from bentoml.yatai.deployment_models import NewDeployment

_ON_AZURE = (Operator.AZURE_FUNCTIONS, Operator.AZURE_CONTAINER_APPS)
_SUPPORTED = (Operator.KUBERNETES, Operator.AWS_LAMBDA, *_ON_AZURE)


def deployer_of(operator: Operator, yatai_url: str | None = None) -> Deployer:
    """The deployer of a kind of platform.

    Args:
        operator: the kind.
        yatai_url: registry with the bundles, for a platform whose images are built.

    Raises:
        CLIException: there is none, or none is named.
    """
    if operator is Operator.UNSET:
        raise CLIException("The deployment names no operator: write spec.operator, such as kubernetes")
    if operator is Operator.AWS_LAMBDA:
        from bentoml.cli.resolving import bundle_path
        from bentoml.deploy.aws.lambda_deployer import LambdaDeployer

        return LambdaDeployer(lambda tag: bundle_path(tag, yatai_url))
    if operator is Operator.KUBERNETES:
        from bentoml.deploy.kubernetes import KubernetesDeployer

        return KubernetesDeployer()
    if operator in _ON_AZURE:
        from bentoml.cli.resolving import bundle_path
        from bentoml.deploy.azure import AzureContainerAppsDeployer, AzureFunctionsDeployer, ImageSource

        source = ImageSource(lambda tag: bundle_path(tag, yatai_url))
        is_function = operator is Operator.AZURE_FUNCTIONS
        return AzureFunctionsDeployer(source) if is_function else AzureContainerAppsDeployer(source)
    names = ", ".join(each.name for each in _SUPPORTED)
    raise CLIException(f"This version deploys to {names}, and not to {operator.name}")


def placed(wanted: NewDeployment, before: Mapping[str, Any]) -> NewDeployment:
    """A deployment whose settings say where it is, whatever the programs of this machine mean tomorrow.

    Args:
        wanted: as somebody wrote it.
        before: settings of its record; empty for a new one.
    """
    if wanted.spec.operator is Operator.KUBERNETES:
        from bentoml.deploy.kubernetes import with_context as with_place
    elif wanted.spec.operator is Operator.AWS_LAMBDA:
        from bentoml.deploy.aws.place import with_place
    elif wanted.spec.operator in _ON_AZURE:
        from bentoml.deploy.azure import with_subscription as with_place
    else:
        return wanted
    settings = with_place(wanted.spec.operator_config, before)
    return replace(wanted, spec=replace(wanted.spec, operator_config=settings))
