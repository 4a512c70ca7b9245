"""How a deployment on AWS SageMaker does, out of what CloudFormation and SageMaker say."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from bentoml._util.optional import require
from bentoml.deploy.aws.observation import observe_stack
from bentoml.deploy.aws.place import EXTRA, aws_errors, code_of
from bentoml.exceptions import YataiDeploymentException
from bentoml.yatai.deployment_models import DeploymentPhase, DeploymentState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bentoml.deploy.aws.place import Place

PHASES = {
    "InService": DeploymentPhase.RUNNING,
    "Creating": DeploymentPhase.PENDING,
    "Updating": DeploymentPhase.PENDING,
    "SystemUpdating": DeploymentPhase.PENDING,
    "RollingBack": DeploymentPhase.PENDING,
    "OutOfService": DeploymentPhase.INACTIVATED,
    "Deleting": DeploymentPhase.INACTIVATED,
    "Failed": DeploymentPhase.FAILED,
    # It answers with a mix of the old and the new.
    "UpdateRollbackFailed": DeploymentPhase.FAILED,
}
"""What the states of an endpoint mean."""


def observe_endpoint(name: str, place: Place) -> DeploymentState:
    """How the endpoint of a deployment does: as its stack while that is changed or has failed, else as it says.

    Args:
        name: of the stack.
        place: where it is.

    Raises:
        MissingDependencyException: boto3 is not installed.
    """
    seen = observe_stack(name, place)
    if not seen.info:
        return seen
    try:
        found = _describe(_name_in(seen.info["endpoints"], name), place)
    except YataiDeploymentException as error:
        return DeploymentState(DeploymentPhase.UNKNOWN, str(error)[-1000:], seen.info)
    if found is None:
        if seen.state is not DeploymentPhase.RUNNING:
            return seen
        return DeploymentState(DeploymentPhase.INACTIVATED, "somebody has removed the endpoint", seen.info)
    info = {**seen.info, "endpoint": found}
    if seen.state is not DeploymentPhase.RUNNING:
        return DeploymentState(seen.state, seen.error_message, info)
    status = found["EndpointStatus"]
    info["message"] = f"the endpoint is {status}"
    phase = PHASES.get(status, DeploymentPhase.UNKNOWN)
    reason = found.get("FailureReason", "") if phase is DeploymentPhase.FAILED else ""
    return DeploymentState(phase, f"the endpoint is {status}: {reason}"[:5000] if reason else "", info)


def _name_in(addresses: Sequence[str], name: str) -> str:
    """The name of the endpoint: that of its address, which the stack has once it is whole."""
    return addresses[0].split("/")[-2] if addresses else name


def _describe(name: str, place: Place) -> dict[str, Any] | None:
    """What SageMaker says of an endpoint, as JSON has it; None where there is none."""
    errors = require("botocore.exceptions", EXTRA)
    client = place.client("sagemaker")
    with aws_errors():
        try:
            found = client.describe_endpoint(EndpointName=name)
        except errors.ClientError as error:
            if code_of(error) == "ValidationException" and "Could not find" in str(error):
                return None
            raise
    found.pop("ResponseMetadata", None)
    plain = json.loads(json.dumps(found, default=str))
    assert isinstance(plain, dict)
    return plain
