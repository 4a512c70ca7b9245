"""How a deployment does, out of what a cluster says of its Deployment and its pods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bentoml.yatai.deployment_models import DeploymentPhase, DeploymentState

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CRASHES = "CrashLoopBackOff"
STUCK = frozenset({"ImagePullBackOff", "ErrImagePull", "InvalidImageName", "CreateContainerConfigError"})
"""Reasons for which a container waits until somebody changes something."""


def state_of(found: Mapping[str, Any], pods: Mapping[str, Any]) -> DeploymentState:
    """How it does.

    Args:
        found: the Deployment.
        pods: the list of its pods.
    """
    status = found.get("status") or {}
    wanted = int(found["spec"].get("replicas", 1))
    updated, available = int(status.get("updatedReplicas", 0)), int(status.get("availableReplicas", 0))
    message = f"{min(updated, available)} of {wanted} pods run the wanted version"
    info = {"message": message, "available_pods": available}
    if wanted == 0:
        return DeploymentState(DeploymentPhase.INACTIVATED, info={**info, "message": "scaled to 0 pods"})
    if is_rolled_out(found["metadata"], status, wanted):
        return DeploymentState(DeploymentPhase.RUNNING, info=info)
    for pod, reason, said in _waiting(pods):
        text = f"pod {pod}: {reason}{f': {said}' if said else ''}"
        if reason == CRASHES:
            return DeploymentState(DeploymentPhase.CRASH_LOOP_BACK_OFF, text, info)
        if reason in STUCK:
            return DeploymentState(DeploymentPhase.ERROR, text, info)
    for condition in status.get("conditions") or ():
        if condition.get("reason") == "ProgressDeadlineExceeded":
            return DeploymentState(DeploymentPhase.FAILED, str(condition.get("message", condition["reason"])), info)
        if condition.get("type") == "ReplicaFailure" and condition.get("status") == "True":
            info["message"] = f"{message}; {condition.get('message', '')}"
    return DeploymentState(DeploymentPhase.PENDING, info=info)


def is_rolled_out(metadata: Mapping[str, Any], status: Mapping[str, Any], wanted: int) -> bool:
    """Whether all pods run what is wanted now, and no others are left; as `kubectl rollout status` has it."""
    if int(status.get("observedGeneration", 0)) < int(metadata.get("generation", 0)):
        return False
    updated = int(status.get("updatedReplicas", 0))
    return int(status.get("replicas", 0)) == updated >= wanted and int(status.get("availableReplicas", 0)) >= updated


def _waiting(pods: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Pod, reason and message of each container that waits."""
    for pod in pods.get("items") or ():
        for container in (pod.get("status") or {}).get("containerStatuses") or ():
            waiting = (container.get("state") or {}).get("waiting")
            if waiting:
                yield pod["metadata"]["name"], str(waiting.get("reason", "")), str(waiting.get("message", ""))
