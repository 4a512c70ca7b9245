"""The port between programs that deploy and the registry that keeps their records.

Every registry keeps these promises:

- It records, and runs nothing: what a record says of a platform is what the program that deploys has written.
- A name means one deployment of a namespace. What is recorded names a bundle that was there.
- Every change makes a new revision. A change that says which one it is based on is refused when there is another.
- What exists on a platform stays in the record until it is said to be gone, also when an attempt has failed half-way.
- Every change has an event, which goes with the record, and a row in the audit log, which stays.

`tests/yatai/contract_of_deployments.py` holds every registry to them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from bentoml.exceptions import NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bentoml.yatai.deployment_models import (
        Deployment,
        DeploymentEvent,
        DeploymentQuery,
        DeploymentResource,
        DeploymentState,
        NewDeployment,
    )

EVENTS_LIMIT = 100


def no_deployment(namespace: str, name: str) -> NotFound:
    """The error of every registry for a deployment that it has no record of."""
    return NotFound(f"No deployment {name} is recorded in the namespace {namespace}")


class DeploymentRegistry(Protocol):
    """Where deployments are recorded."""

    def apply_deployment(self, wanted: NewDeployment, *, based_on: int | None = None) -> Deployment:
        """Record a deployment, or change the record of its name.

        A new one, and one whose bundle or configuration changes, is PENDING; otherwise its state stays.

        Args:
            wanted: what its spec, labels and annotations shall be.
            based_on: the revision that the change is based on; 0 for one that must not be there yet, None for any.

        Raises:
            InvalidArgument: it cannot be recorded.
            NotFound: there is no such bundle.
            YataiServiceRpcAborted: it is on another kind of platform, or was changed meanwhile.
        """

    def set_deployment_state(
        self,
        namespace: str,
        name: str,
        state: DeploymentState,
        *,
        resources: Sequence[DeploymentResource] | None = None,
        message: str = "",
        based_on: int | None = None,
    ) -> Deployment:
        """Write down how a deployment does, and what exists of it.

        When nothing has changed and there is no message, only the time is written: no event, no new revision.

        Args:
            namespace: of the deployment.
            name: of the deployment.
            state: how it does.
            resources: all that exists on the platform; None for what was known before.
            message: what has happened, for its events.
            based_on: the revision that this is about; None for any.

        Raises:
            InvalidArgument: it cannot be recorded.
            NotFound: there is no such deployment.
            YataiServiceRpcAborted: it was changed meanwhile.
        """

    def find_deployment(self, namespace: str, name: str) -> Deployment:
        """One deployment.

        Raises:
            NotFound: there is none.
        """

    def list_deployments(self, query: DeploymentQuery) -> list[Deployment]:
        """The deployments that match."""

    def count_deployments(self, query: DeploymentQuery) -> int:
        """How many deployments match, whatever offset and limit."""

    def delete_deployment(self, namespace: str, name: str, *, force: bool = False, based_on: int | None = None) -> None:
        """Forget a deployment, with its events; what runs goes on to run.

        Args:
            namespace: of the deployment.
            name: of the deployment.
            force: also when something of it still exists on the platform.
            based_on: the revision that shall go; None for any.

        Raises:
            NotFound: there is none.
            YataiServiceRpcAborted: something of it still exists, or it was changed meanwhile.
        """

    def deployment_events(
        self, namespace: str, name: str, *, before_id: int | None = None, limit: int = EVENTS_LIMIT
    ) -> list[DeploymentEvent]:
        """What happened to a deployment, newest first; the newest thousand are kept.

        Args:
            namespace: of the deployment.
            name: of the deployment.
            before_id: only older ones than this event, for the next page; None for the newest.
            limit: most events, >= 0.

        Raises:
            NotFound: there is no such deployment.
        """
