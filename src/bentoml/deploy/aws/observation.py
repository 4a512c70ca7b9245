"""How a deployment does, out of what CloudFormation says of its stack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bentoml.deploy.aws.place import aws_errors
from bentoml.deploy.aws.stack import find_stack
from bentoml.deploy.aws.stack_events import latest_event, reason_of
from bentoml.exceptions import YataiDeploymentException
from bentoml.yatai.deployment_models import DeploymentPhase, DeploymentState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bentoml.deploy.aws.place import Place

ENDPOINT = "Endpoint"
"""With this the names of outputs begin whose values are addresses for requests."""
_RUNS = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "IMPORT_COMPLETE"})


def _nothing(outputs: Mapping[str, str]) -> dict[str, Any]:  # noqa: ARG001 - as it is called
    return {}


def observe_stack(
    name: str, place: Place, details: Callable[[Mapping[str, str]], dict[str, Any]] = _nothing
) -> DeploymentState:
    """How the stack of a deployment does.

    Args:
        name: of the stack.
        place: where it is.
        details: out of the outputs of a stack that is whole, what the state says beside its addresses; a `message` goes
            with that of the stack.

    Raises:
        MissingDependencyException: boto3 is not installed.
    """
    try:
        client = place.client("cloudformation")
        with aws_errors():
            found = find_stack(client, name)
            if found is None:
                return DeploymentState(
                    DeploymentPhase.INACTIVATED, f"there is no stack {name} in {place.region} of AWS"
                )
            return _state_of(client, found, details)
    except YataiDeploymentException as error:
        return DeploymentState(DeploymentPhase.UNKNOWN, str(error)[-1000:])


def _state_of(
    client: Any, found: dict[str, Any], details: Callable[[Mapping[str, str]], dict[str, Any]]
) -> DeploymentState:
    status = found["StackStatus"]
    outputs = {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", ())}
    endpoints = [value for key, value in sorted(outputs.items()) if key.startswith(ENDPOINT)]
    info: dict[str, Any] = {"message": f"the stack is {status}", "stack_status": status, "endpoints": endpoints}
    if status in _RUNS:
        more = details(outputs)
        info["message"] = ", ".join(text for text in (info["message"], more.pop("message", "")) if text)
        info.update(more)
        return DeploymentState(DeploymentPhase.RUNNING, info=info)
    if status.endswith("_IN_PROGRESS"):
        info["message"] += f", {latest_event(client, found)}"
        return DeploymentState(DeploymentPhase.PENDING, info=info)
    text = f"the stack is {status}: {reason_of(client, found)}"
    return DeploymentState(DeploymentPhase.FAILED, text[:5000], info)
