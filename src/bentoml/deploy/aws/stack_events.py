"""What CloudFormation says about the last change of a stack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_BEGINS = frozenset({"CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS"})
_CANCELLED = ("Resource creation cancelled", "Resource update cancelled")


def reason_of(client: Any, found: dict[str, Any]) -> str:
    """Why the last change has failed: what has failed first, as all later failures follow from it.

    Args:
        client: of CloudFormation.
        found: the stack.

    Returns:
        The resource and the reason; what the stack itself says where no resource has failed.
    """
    failed = [each for each in _last_events(client, found) if each["ResourceStatus"].endswith("_FAILED")]
    reasons = [
        f"{each['LogicalResourceId']}: {each['ResourceStatusReason']}"
        for each in failed
        if each.get("ResourceStatusReason") and not each["ResourceStatusReason"].startswith(_CANCELLED)
    ]
    return reasons[-1] if reasons else str(found.get("StackStatusReason", ""))


def latest_event(client: Any, found: dict[str, Any]) -> str:
    """What has happened last, such as `Function CREATE_IN_PROGRESS`; empty for nothing."""
    latest = next(_last_events(client, found), None)
    return "" if latest is None else f"{latest.get('LogicalResourceId', 'stack')} {latest['ResourceStatus']}"


def _last_events(client: Any, found: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The events of the last change, the newest first."""
    for page in client.get_paginator("describe_stack_events").paginate(StackName=found["StackId"]):
        for event in page["StackEvents"]:
            yield event
            if event.get("PhysicalResourceId") == found["StackId"] and event["ResourceStatus"] in _BEGINS:
                return
