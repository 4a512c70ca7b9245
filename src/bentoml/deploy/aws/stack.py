"""Stacks of CloudFormation: all that a deployment has on AWS beside its image, made and removed as one."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bentoml._util.optional import require
from bentoml.deploy.aws.place import EXTRA, OWNER, Place, aws_errors, code_of, owner_tag, refuse_other
from bentoml.deploy.aws.stack_events import reason_of
from bentoml.deploy.aws.template_values import IMAGE
from bentoml.exceptions import YataiDeploymentException

if TYPE_CHECKING:
    from bentoml.deploy.aws.ecr_image import EcrName
    from bentoml.deploy.plans import Workshop
    from bentoml.yatai.deployment_models import DeploymentResource

STACK = "cloudformation_stack"
TEMPLATE = "template.json"
_POLL_S = 5
_POLLS = 240
# Of these nothing can be updated: their first creation has failed, or what is left of them could not be removed.
_TO_REMOVE_FIRST = frozenset(
    {"CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED", "REVIEW_IN_PROGRESS"}
)
# What waits for the end of a change.
_WAITERS = {
    "CREATE_IN_PROGRESS": "stack_create_complete",
    "UPDATE_IN_PROGRESS": "stack_update_complete",
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS": "stack_update_complete",
    "UPDATE_ROLLBACK_IN_PROGRESS": "stack_rollback_complete",
    "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS": "stack_rollback_complete",
}
# The change is made, and what it has replaced is being removed.
_TIDIES_UP = "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"


@dataclass(frozen=True)
class Stack:
    """Makes a stack, or changes it, and does not wait for its end.

    Attributes:
        name: of the stack.
        owner: full name of the deployment.
        place: where it is.
        image: value of the parameter of the template, or what has it in ECR.
    """

    name: str
    owner: str
    place: Place
    image: EcrName | str

    @property
    def title(self) -> str:
        """See `Step`."""
        return f"apply the stack {self.name}"

    @property
    def creates(self) -> tuple[DeploymentResource, ...]:
        """See `Step`."""
        return (self.place.resource(STACK, self.name, self.owner),)

    def lines(self) -> tuple[str, ...]:
        """See `Step`."""
        words = ["aws", "cloudformation", "deploy", "--region", self.place.region, "--stack-name", self.name]
        words += ["--template-file", TEMPLATE, "--capabilities", "CAPABILITY_IAM", "--tags", f"{OWNER}={self.owner}"]
        if isinstance(self.image, str):
            return (shlex.join([*words, "--parameter-overrides", f"{IMAGE}={self.image}"]),)
        return (self.image.address_line(), f'{shlex.join(words)} --parameter-overrides {IMAGE}="$IMAGE"')

    def run(self, workshop: Workshop) -> None:
        """See `Step`."""
        image = self.image if isinstance(self.image, str) else self.image.address()
        body = (workshop.directory / TEMPLATE).read_text(encoding="utf-8")
        client = self.place.client("cloudformation")
        with aws_errors():
            found = find_stack(client, self.name)
            if found is not None:
                refuse_other(f"a stack {self.name}", found.get("Tags", []), self.owner)
                found = self._ready(client, found, workshop)
            wanted = {
                "StackName": self.name,
                "TemplateBody": body,
                "Parameters": [{"ParameterKey": IMAGE, "ParameterValue": image}],
                "Capabilities": ["CAPABILITY_IAM"],
                "Tags": [{"Key": OWNER, "Value": self.owner}],
            }
            if found is None:
                client.create_stack(**wanted)
            elif not _update(client, wanted):
                workshop.say("the stack is as it shall be")

    def _ready(self, client: Any, found: dict[str, Any], workshop: Workshop) -> dict[str, Any] | None:
        """The stack when it can be updated; None when there is none any more.

        Raises:
            YataiDeploymentException: it cannot be now.
        """
        if found["StackStatus"] == _TIDIES_UP:
            workshop.say("wait until what the last update has replaced is removed")
            settled = _settled(client, found)
            if settled is None:
                return None
            found = settled
        status = found["StackStatus"]
        if status in _TO_REMOVE_FIRST or status == "DELETE_IN_PROGRESS":
            workshop.say(f"the stack is {status}; it is removed first")
            remove_stack(client, found)
            return None
        if status == "UPDATE_ROLLBACK_FAILED":
            raise YataiDeploymentException(
                f"the stack is {status} ({reason_of(client, found)}): mend that, run "
                f"`aws cloudformation continue-update-rollback --region {self.place.region} --stack-name {self.name}`, "
                "and update again when it has come to its end; or delete the deployment"
            )
        if status.endswith("_IN_PROGRESS"):
            raise YataiDeploymentException(f"the stack is {status}; update again when that has come to its end")
        return found


@dataclass(frozen=True)
class StackRemoval:
    """Removes a stack, and waits until it is gone. One of the same name that somebody else has made stays."""

    resource: DeploymentResource
    creates: tuple[DeploymentResource, ...] = ()

    @property
    def title(self) -> str:
        """See `Step`."""
        return f"delete the stack {self.resource.detail['name']}"

    def lines(self) -> tuple[str, ...]:
        """See `Step`."""
        name, region = self.resource.detail["name"], self.resource.detail["region"]
        return (shlex.join(["aws", "cloudformation", "delete-stack", "--region", region, "--stack-name", name]),)

    def run(self, workshop: Workshop) -> None:  # noqa: ARG002 - it has nothing to say
        """See `Step`."""
        client = Place.of(self.resource).client("cloudformation")
        with aws_errors():
            found = find_stack(client, self.resource.detail["name"])
            if found is not None and owner_tag(found.get("Tags", [])) == self.resource.detail["owner"]:
                remove_stack(client, found)


def find_stack(client: Any, name: str) -> dict[str, Any] | None:
    """What CloudFormation says of a stack; None where there is none, or none any more."""
    errors = require("botocore.exceptions", EXTRA)
    try:
        (found,) = client.describe_stacks(StackName=name)["Stacks"]
    except errors.ClientError as error:
        if code_of(error) != "ValidationError" or "does not exist" not in str(error):
            raise
        return None
    return None if found["StackStatus"] == "DELETE_COMPLETE" else dict(found)


def remove_stack(client: Any, found: dict[str, Any]) -> None:
    """Remove a stack, and wait until it is gone; first until an update has come to its end, as AWS refuses it before.

    Raises:
        YataiDeploymentException: something of it could not be removed, or takes longer than 20 minutes.
    """
    errors = require("botocore.exceptions", EXTRA)
    if found["StackStatus"].startswith("UPDATE_"):
        settled = _settled(client, found)
        if settled is None:
            return
        found = settled
    stack = found["StackId"]  # its name means nothing any more when it is gone
    if found["StackStatus"] != "DELETE_IN_PROGRESS":
        client.delete_stack(StackName=stack)
    waiter = client.get_waiter("stack_delete_complete")
    try:
        waiter.wait(StackName=stack, WaiterConfig={"Delay": _POLL_S, "MaxAttempts": _POLLS})
    except errors.WaiterError as error:
        raise YataiDeploymentException(
            f"the stack {found['StackName']} is not removed: {reason_of(client, found) or error}"
        ) from error


def refuse_used(client: Any, name: str, repository: str) -> None:
    """Wait until the change of a stack has come to its end, and refuse to go on where it uses a repository still.

    Args:
        client: of CloudFormation.
        name: of the stack.
        repository: its address, with which those of its images begin.

    Raises:
        YataiDeploymentException: it does, as its change was taken back, or the change takes longer than 20 minutes.
    """
    found = find_stack(client, name)
    if found is not None and found["StackStatus"] != _TIDIES_UP:
        found = _settled(client, found)
    if found is None or found["StackStatus"].startswith("DELETE_"):
        return
    status = found["StackStatus"]
    if status.endswith("_IN_PROGRESS") and status != _TIDIES_UP:
        raise YataiDeploymentException(f"the stack is {status} still; update again when that has come to its end")
    values = {each["ParameterKey"]: each["ParameterValue"] for each in found.get("Parameters", ())}
    if values.get(IMAGE, "").startswith((f"{repository}@", f"{repository}:")):
        raise YataiDeploymentException(
            f"the stack {name} uses an image of it, as its change was taken back ({reason_of(client, found)})"
        )


def _settled(client: Any, found: dict[str, Any]) -> dict[str, Any] | None:
    """A stack when its change has come to its end, or after 20 minutes; None when it is gone."""
    errors = require("botocore.exceptions", EXTRA)
    waiter = _WAITERS.get(found["StackStatus"])
    if waiter is None:
        return found
    try:
        client.get_waiter(waiter).wait(
            StackName=found["StackId"], WaiterConfig={"Delay": _POLL_S, "MaxAttempts": _POLLS}
        )
    except errors.WaiterError as error:
        if "Error" in error.last_response:  # else it has come to another end, which is seen now
            raise
    return find_stack(client, found["StackName"])


def _update(client: Any, wanted: dict[str, Any]) -> bool:
    """Change a stack; whether there was anything to change."""
    errors = require("botocore.exceptions", EXTRA)
    try:
        client.update_stack(**wanted)
    except errors.ClientError as error:
        if code_of(error) == "ValidationError" and "No updates are to be performed" in str(error):
            return False
        raise
    return True
