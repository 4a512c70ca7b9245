"""Endpoints in all states; the answers are made up, as the look-alike of AWS has each endpoint in service at once.

botocore checks that calls and answers are such as CloudFormation and SageMaker have.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timezone
from typing import Any

import pytest

from bentoml.deploy.aws.place import Place
from bentoml.deploy.aws.sagemaker_observation import PHASES, observe_endpoint
from bentoml.yatai.deployment_models import DeploymentPhase
from tests.deploy.aws.test_stack import events, stack

pytestmark = pytest.mark.environment("aws")

PLACE = Place("eu-west-1")
NOW = datetime(2024, 5, 1, tzinfo=timezone.utc)
ADDRESS = "https://runtime.sagemaker.eu-west-1.amazonaws.com/endpoints/dev-iris/invocations"
OUTPUTS = [{"OutputKey": "Endpoint", "OutputValue": ADDRESS}]
NAMED = {"EndpointName": "dev-iris"}


@pytest.fixture
def stubbers(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """By service; each gives its answers in their order, and all of them have to be asked for."""
    import boto3
    from botocore.stub import Stubber

    keys = {"aws_access_key_id": "x", "aws_secret_access_key": "y"}
    session = boto3.Session(region_name="eu-west-1", **keys)
    clients = {service: session.client(service) for service in ("cloudformation", "sagemaker")}
    monkeypatch.setattr(Place, "client", lambda self, service: clients[service])
    with ExitStack() as stacked:
        found = {service: stacked.enter_context(Stubber(client)) for service, client in clients.items()}
        yield found
        for stubber in found.values():
            stubber.assert_no_pending_responses()


def endpoint(status: str, **more: Any) -> dict[str, Any]:
    arn = "arn:aws:sagemaker:eu-west-1:123456789012:endpoint/dev-iris"
    times = {"CreationTime": NOW, "LastModifiedTime": NOW}
    return {"EndpointName": "dev-iris", "EndpointArn": arn, "EndpointStatus": status, **times, **more}


@pytest.mark.parametrize(
    ("status", "phase"),
    [
        ("InService", "RUNNING"),
        ("Creating", "PENDING"),
        ("Updating", "PENDING"),
        ("SystemUpdating", "PENDING"),
        ("RollingBack", "PENDING"),
        ("OutOfService", "INACTIVATED"),
        ("Deleting", "INACTIVATED"),
        ("Failed", "FAILED"),
        ("UpdateRollbackFailed", "FAILED"),
    ],
)
def test_endpoint_of_a_stack_that_is_whole_says_how_it_does(stubbers: dict[str, Any], status: str, phase: str) -> None:
    stubbers["cloudformation"].add_response("describe_stacks", stack("CREATE_COMPLETE", Outputs=OUTPUTS))
    stubbers["sagemaker"].add_response("describe_endpoint", endpoint(status, FailureReason="no room"), NAMED)
    seen = observe_endpoint("dev-iris", PLACE)
    assert seen.state is DeploymentPhase[phase]
    assert seen.error_message == (f"the endpoint is {status}: no room" if phase == "FAILED" else "")
    assert seen.info["endpoints"] == [ADDRESS]
    assert seen.info["endpoint"]["EndpointStatus"] == status
    assert seen.info["endpoint"]["CreationTime"].startswith("2024-05-01")


def test_each_state_that_sagemaker_knows_means_something(stubbers: dict[str, Any]) -> None:
    import boto3

    shape = boto3.Session(region_name="eu-west-1").client("sagemaker").meta.service_model.shape_for("EndpointStatus")
    assert set(shape.enum) == set(PHASES)


def test_endpoint_of_a_stack_that_is_being_made_is_shown_as_far_as_it_is_there(stubbers: dict[str, Any]) -> None:
    made = events(("InferenceEndpoint", "CREATE_IN_PROGRESS", ""), ("dev-iris", "CREATE_IN_PROGRESS", "User Initiated"))
    for _ in range(2):
        stubbers["cloudformation"].add_response("describe_stacks", stack("CREATE_IN_PROGRESS"))
        stubbers["cloudformation"].add_response("describe_stack_events", made)
    stubbers["sagemaker"].add_client_error(
        "describe_endpoint", "ValidationException", 'Could not find endpoint "arn:aws:sagemaker:...".'
    )
    stubbers["sagemaker"].add_response("describe_endpoint", endpoint("Creating"), NAMED)
    first, second = (observe_endpoint("dev-iris", PLACE) for _ in range(2))
    assert (first.state, "endpoint" in first.info) == (DeploymentPhase.PENDING, False)
    assert (second.state, second.info["endpoint"]["EndpointStatus"]) == (DeploymentPhase.PENDING, "Creating")
    assert second.info["message"] == "the stack is CREATE_IN_PROGRESS, InferenceEndpoint CREATE_IN_PROGRESS"


def test_stack_that_has_failed_says_why(stubbers: dict[str, Any]) -> None:
    failed = events(
        ("InferenceEndpoint", "CREATE_FAILED", "The primary container did not pass the ping health check"),
        ("dev-iris", "CREATE_IN_PROGRESS", "User Initiated"),
    )
    stubbers["cloudformation"].add_response("describe_stacks", stack("ROLLBACK_COMPLETE"))
    stubbers["cloudformation"].add_response("describe_stack_events", failed)
    stubbers["sagemaker"].add_client_error("describe_endpoint", "ValidationException", "Could not find endpoint")
    seen = observe_endpoint("dev-iris", PLACE)
    assert seen.state is DeploymentPhase.FAILED
    assert "did not pass the ping health check" in seen.error_message


def test_silence_of_sagemaker_is_no_state(stubbers: dict[str, Any]) -> None:
    stubbers["cloudformation"].add_response("describe_stacks", stack("CREATE_COMPLETE", Outputs=OUTPUTS))
    stubbers["sagemaker"].add_client_error("describe_endpoint", "AccessDeniedException", "not yours")
    seen = observe_endpoint("dev-iris", PLACE)
    assert (seen.state, "not yours" in seen.error_message) == (DeploymentPhase.UNKNOWN, True)
