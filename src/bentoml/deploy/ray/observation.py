"""What the cluster says about a deployment, as a state."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from bentoml.deploy.ray.application import owner_of
from bentoml.deploy.ray.dashboard import Dashboard
from bentoml.exceptions import YataiDeploymentException
from bentoml.yatai.deployment_models import DeploymentPhase, DeploymentState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bentoml.deploy.ray.options import RayOptions

_PHASES = {
    "RUNNING": DeploymentPhase.RUNNING,
    "DEPLOYING": DeploymentPhase.PENDING,
    "NOT_STARTED": DeploymentPhase.PENDING,
    "DELETING": DeploymentPhase.INACTIVATED,
    "DEPLOY_FAILED": DeploymentPhase.FAILED,
    # Replicas have died, and Ray starts others; it may go on for ever.
    "UNHEALTHY": DeploymentPhase.ERROR,
}
_LONGEST_TEXT = 3000


def observe_application(options: RayOptions, name: str, owner: str) -> DeploymentState:
    """How the application of a deployment does.

    Args:
        options: of the deployment.
        name: of the application.
        owner: full name of the deployment.
    """
    try:
        found = Dashboard(options.address).applications().get(name)
    except YataiDeploymentException as error:
        return DeploymentState(DeploymentPhase.UNKNOWN, str(error))
    if found is None:
        return DeploymentState(DeploymentPhase.INACTIVATED, f"the cluster has no application {name}")
    if owner_of(found) != owner:
        return DeploymentState(DeploymentPhase.INACTIVATED, f"somebody else has the application {name}")
    phase = _PHASES.get(found["status"], DeploymentPhase.UNKNOWN)
    info = {"message": _message(found), "route_prefix": found.get("route_prefix"), "replicas": _replicas(found)}
    is_well = phase in {DeploymentPhase.RUNNING, DeploymentPhase.PENDING}
    return DeploymentState(phase, "" if is_well else _reason(found), info)


def _message(application: Mapping[str, Any]) -> str:
    counted = ", ".join(f"{number} {state}" for state, number in _replicas(application).items())
    return f"the application is {application['status']}; replicas: {counted or 'none'}"


def _replicas(application: Mapping[str, Any]) -> dict[str, int]:
    """Numbers of replicas by their states."""
    deployments = application["deployments"].values()
    return dict(Counter(str(replica["state"]) for each in deployments for replica in each["replicas"]))


def _reason(application: Mapping[str, Any]) -> str:
    """What Ray says, the end of it: a traceback has its error there."""
    texts = [application["message"], *(each["message"] for each in application["deployments"].values())]
    return "\n".join(text[-_LONGEST_TEXT:] for text in texts if text) or f"Ray says: {application['status']}"
