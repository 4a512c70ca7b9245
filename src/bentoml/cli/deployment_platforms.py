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


def deployer_of(operator: Operator) -> Deployer:
    """The deployer of a kind of platform.

    Raises:
        CLIException: there is none, or none is named.
    """
    if operator is Operator.UNSET:
        raise CLIException("The deployment names no operator: write spec.operator, such as kubernetes")
    if operator is not Operator.KUBERNETES:
        raise CLIException(f"This version deploys to {Operator.KUBERNETES.name}, and not to {operator.name}")
    from bentoml.deploy.kubernetes import KubernetesDeployer

    return KubernetesDeployer()


def placed(wanted: NewDeployment, before: Mapping[str, Any]) -> NewDeployment:
    """A deployment whose settings say where it is, whatever the programs of this machine mean tomorrow.

    Args:
        wanted: as somebody wrote it.
        before: settings of its record; empty for a new one.
    """
    from bentoml.deploy.kubernetes import with_context

    if wanted.spec.operator is not Operator.KUBERNETES:
        return wanted
    settings = with_context(wanted.spec.operator_config, before)
    return replace(wanted, spec=replace(wanted.spec, operator_config=settings))
