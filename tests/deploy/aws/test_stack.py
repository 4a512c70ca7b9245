"""Stacks in all states; the answers are made up, as the look-alike of AWS makes each stack whole at once.

botocore checks that calls and answers are such as CloudFormation has.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from bentoml.deploy.aws.observation import observe_stack
from bentoml.deploy.aws.place import OWNER, Place
from bentoml.deploy.aws.stack import STACK, Stack, StackRemoval, refuse_used
from bentoml.deploy.plans import Workshop
from bentoml.exceptions import YataiDeploymentException
from bentoml.yatai.deployment_models import DeploymentPhase

pytestmark = pytest.mark.environment("aws")

ID = "arn:aws:cloudformation:eu-west-1:123456789012:stack/dev-iris/1"
NOW = datetime(2024, 5, 1, tzinfo=timezone.utc)
OWNED = [{"Key": OWNER, "Value": "dev/iris"}]
GONE = {"service_error_code": "ValidationError", "service_message": "Stack with id dev-iris does not exist"}


@pytest.fixture
def stubber(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Gives the answers in their order; all of them have to be asked for."""
    import boto3
    from botocore.stub import Stubber

    keys = {"aws_access_key_id": "x", "aws_secret_access_key": "y"}
    client = boto3.Session(region_name="eu-west-1", **keys).client("cloudformation")
    monkeypatch.setattr(Place, "client", lambda self, service: client)
    with Stubber(client) as found:
        yield found
        found.assert_no_pending_responses()


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    (tmp_path / "template.json").write_text("{}")
    return Workshop(tmp_path)


def stack(status: str, **more: Any) -> dict[str, Any]:
    found = {"StackName": "dev-iris", "StackId": ID, "CreationTime": NOW, "StackStatus": status, "Tags": OWNED}
    return {"Stacks": [{**found, **more}]}


def events(*rows: tuple[str, str, str]) -> dict[str, Any]:
    """Events as CloudFormation has them, the newest first; each with resource, status and reason."""
    found = [
        {
            "StackId": ID, "StackName": "dev-iris", "EventId": str(number), "Timestamp": NOW,
            "LogicalResourceId": resource, "PhysicalResourceId": ID if resource == "dev-iris" else resource,
            "ResourceStatus": status, "ResourceStatusReason": reason,
        }
        for number, (resource, status, reason) in enumerate(rows)
    ]  # fmt: skip
    return {"StackEvents": found}


FAILURE = events(
    ("dev-iris", "ROLLBACK_COMPLETE", ""),
    ("Stage", "CREATE_FAILED", "Resource creation cancelled"),
    ("Function", "CREATE_FAILED", "the image is for another processor"),
    ("dev-iris", "CREATE_IN_PROGRESS", "User Initiated"),
    ("Old", "CREATE_FAILED", "of an earlier change"),
)
APPLIED = Stack("dev-iris", "dev/iris", Place("eu-west-1"), "example.org/iris:1")


def removal() -> StackRemoval:
    return StackRemoval(Place("eu-west-1").resource(STACK, "dev-iris", "dev/iris"))


@pytest.mark.parametrize("status", ["ROLLBACK_COMPLETE", "CREATE_FAILED", "DELETE_FAILED", "REVIEW_IN_PROGRESS"])
def test_stack_that_was_never_whole_is_removed_and_made_again(stubber: Any, workshop: Workshop, status: str) -> None:
    stubber.add_response("describe_stacks", stack(status), {"StackName": "dev-iris"})
    stubber.add_response("delete_stack", {}, {"StackName": ID})
    stubber.add_response("describe_stacks", stack("DELETE_COMPLETE"), {"StackName": ID})
    stubber.add_response("create_stack", {"StackId": ID})
    APPLIED.run(workshop)


def test_stack_that_is_being_removed_is_made_again_afterwards(stubber: Any, workshop: Workshop) -> None:
    stubber.add_response("describe_stacks", stack("DELETE_IN_PROGRESS"))
    stubber.add_response("describe_stacks", stack("DELETE_COMPLETE"))
    stubber.add_response("create_stack", {"StackId": ID})
    APPLIED.run(workshop)


@pytest.mark.parametrize("status", ["CREATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_COMPLETE"])
def test_stack_that_is_there_is_updated(stubber: Any, workshop: Workshop, status: str) -> None:
    stubber.add_response("describe_stacks", stack(status))
    stubber.add_response("update_stack", {"StackId": ID})
    APPLIED.run(workshop)


def test_stack_that_is_as_wanted_stays(stubber: Any, tmp_path: Path, workshop: Workshop) -> None:
    said: list[str] = []
    stubber.add_response("describe_stacks", stack("CREATE_COMPLETE"))
    stubber.add_client_error("update_stack", "ValidationError", "No updates are to be performed.")
    APPLIED.run(Workshop(tmp_path, said.append))
    assert said == ["the stack is as it shall be"]


@pytest.mark.parametrize("status", ["CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS"])
def test_stack_that_is_being_changed_is_left_alone(stubber: Any, workshop: Workshop, status: str) -> None:
    stubber.add_response("describe_stacks", stack(status))
    with pytest.raises(YataiDeploymentException, match=f"{status}; update again"):
        APPLIED.run(workshop)


def test_stack_that_is_being_tidied_up_is_updated_when_it_is_done(stubber: Any, workshop: Workshop) -> None:
    stubber.add_response("describe_stacks", stack("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"), {"StackName": "dev-iris"})
    stubber.add_response("describe_stacks", stack("UPDATE_COMPLETE"), {"StackName": ID})
    stubber.add_response("describe_stacks", stack("UPDATE_COMPLETE"), {"StackName": "dev-iris"})
    stubber.add_response("update_stack", {"StackId": ID})
    APPLIED.run(workshop)


def test_stack_that_could_not_be_taken_back_needs_a_person(stubber: Any, workshop: Workshop) -> None:
    stubber.add_response("describe_stacks", stack("UPDATE_ROLLBACK_FAILED"))
    stubber.add_response("describe_stack_events", FAILURE)
    with pytest.raises(YataiDeploymentException, match=r"another processor.*rollback --region eu-west-1"):
        APPLIED.run(workshop)


def test_removal_that_fails_says_why(stubber: Any, workshop: Workshop) -> None:
    stubber.add_response("describe_stacks", stack("CREATE_COMPLETE"))
    stubber.add_response("delete_stack", {}, {"StackName": ID})
    stubber.add_response("describe_stacks", stack("DELETE_FAILED"))
    failure = events(("Role", "DELETE_FAILED", "it is in use"), ("dev-iris", "DELETE_IN_PROGRESS", "User Initiated"))
    stubber.add_response("describe_stack_events", failure)
    with pytest.raises(YataiDeploymentException, match="not removed: Role: it is in use"):
        removal().run(workshop)


@pytest.mark.parametrize(
    ("began", "end"),
    [
        ("UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"),
        ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_COMPLETE"),
        ("UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE"),
        ("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE"),
    ],
)
def test_removal_waits_for_the_end_of_an_update_as_aws_refuses_it_before(
    stubber: Any, workshop: Workshop, began: str, end: str
) -> None:
    stubber.add_response("describe_stacks", stack(began), {"StackName": "dev-iris"})
    stubber.add_response("describe_stacks", stack(end), {"StackName": ID})
    stubber.add_response("describe_stacks", stack(end), {"StackName": "dev-iris"})
    stubber.add_response("delete_stack", {}, {"StackName": ID})
    stubber.add_response("describe_stacks", stack("DELETE_COMPLETE"), {"StackName": ID})
    removal().run(workshop)


@pytest.mark.parametrize("there", [lambda stubber: stubber.add_client_error("describe_stacks", **GONE),
                                   lambda stubber: stubber.add_response("describe_stacks", stack("DELETE_COMPLETE"))],
                         ids=["never-made", "removed"])  # fmt: skip
def test_removal_of_what_is_gone_does_nothing(stubber: Any, workshop: Workshop, there: Callable[[Any], None]) -> None:
    there(stubber)
    removal().run(workshop)


REPOSITORY = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/dev-iris"


def running(image: str, status: str) -> dict[str, Any]:
    return stack(status, Parameters=[{"ParameterKey": "Image", "ParameterValue": image}])


@pytest.mark.parametrize("status", ["UPDATE_COMPLETE", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "DELETE_FAILED"])
def test_repository_that_a_stack_has_left_can_go(stubber: Any, status: str) -> None:
    image = f"{REPOSITORY}-x@sha256:1" if status.startswith("UPDATE") else f"{REPOSITORY}@sha256:1"
    stubber.add_response("describe_stacks", running(image, status))
    refuse_used(stubber.client, "dev-iris", REPOSITORY)


def test_repository_stays_until_the_change_of_its_stack_has_come_to_its_end(stubber: Any) -> None:
    stubber.add_response("describe_stacks", running("other", "UPDATE_IN_PROGRESS"), {"StackName": "dev-iris"})
    stubber.add_response("describe_stacks", running("other", "UPDATE_COMPLETE"), {"StackName": ID})
    stubber.add_response("describe_stacks", running("other", "UPDATE_COMPLETE"), {"StackName": "dev-iris"})
    refuse_used(stubber.client, "dev-iris", REPOSITORY)


@pytest.mark.parametrize("began", ["UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS"])
def test_repository_whose_image_a_stack_has_gone_back_to_stays(stubber: Any, began: str) -> None:
    back = running(f"{REPOSITORY}@sha256:1", "UPDATE_ROLLBACK_COMPLETE")
    stubber.add_response("describe_stacks", running("other", began), {"StackName": "dev-iris"})
    stubber.add_response("describe_stacks", back, {"StackName": ID})
    stubber.add_response("describe_stacks", back, {"StackName": "dev-iris"})
    stubber.add_response("describe_stack_events", FAILURE)
    with pytest.raises(YataiDeploymentException, match=r"uses an image of it.*another processor"):
        refuse_used(stubber.client, "dev-iris", REPOSITORY)


def test_repository_whose_stack_is_being_changed_stays(stubber: Any) -> None:
    stubber.add_response("describe_stacks", running("other", "ROLLBACK_IN_PROGRESS"))
    with pytest.raises(YataiDeploymentException, match="ROLLBACK_IN_PROGRESS still"):
        refuse_used(stubber.client, "dev-iris", REPOSITORY)


@pytest.mark.parametrize(
    ("status", "phase", "said"),
    [
        ("CREATE_COMPLETE", DeploymentPhase.RUNNING, None),
        ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", DeploymentPhase.RUNNING, None),
        ("CREATE_IN_PROGRESS", DeploymentPhase.PENDING, "dev-iris ROLLBACK_COMPLETE"),
        ("ROLLBACK_COMPLETE", DeploymentPhase.FAILED, "Function: the image is for another processor"),
        ("UPDATE_ROLLBACK_COMPLETE", DeploymentPhase.FAILED, "Function: the image is for another processor"),
    ],
)
def test_observation_says_how_the_stack_does(
    stubber: Any, status: str, phase: DeploymentPhase, said: str | None
) -> None:
    outputs = [{"OutputKey": "EndpointA", "OutputValue": "https://a"}, {"OutputKey": "NameA", "OutputValue": "f"}]
    stubber.add_response("describe_stacks", stack(status, Outputs=outputs))
    if said is not None:
        stubber.add_response("describe_stack_events", FAILURE)
    seen = observe_stack("dev-iris", Place("eu-west-1"))
    assert seen.state is phase
    assert seen.info["endpoints"] == ["https://a"]
    if said is not None:
        assert said in f"{seen.info['message']} {seen.error_message}"
    assert "earlier" not in seen.error_message


def test_observation_when_calls_are_refused_does_not_know(stubber: Any) -> None:
    stubber.add_client_error("describe_stacks", "AccessDenied", "you may not look")
    seen = observe_stack("dev-iris", Place("eu-west-1"))
    assert seen.state is DeploymentPhase.UNKNOWN
    assert "you may not look" in seen.error_message
