"""The part of `LocalRegistry` about deployments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bentoml.yatai.deployment_registry import EVENTS_LIMIT

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
    from bentoml.yatai.deployments import Deployments


class LocalDeployments:
    """See `DeploymentRegistry`."""

    _deployments: Deployments

    def apply_deployment(self, wanted: NewDeployment, *, based_on: int | None = None) -> Deployment:
        """See `DeploymentRegistry`."""
        return self._deployments.apply(wanted, based_on)

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
        """See `DeploymentRegistry`."""
        return self._deployments.set_state(namespace, name, state, resources, message, based_on)

    def find_deployment(self, namespace: str, name: str) -> Deployment:
        """See `DeploymentRegistry`."""
        return self._deployments.find(namespace, name)

    def list_deployments(self, query: DeploymentQuery) -> list[Deployment]:
        """See `DeploymentRegistry`."""
        return self._deployments.matching(query)

    def count_deployments(self, query: DeploymentQuery) -> int:
        """See `DeploymentRegistry`."""
        return self._deployments.count(query)

    def delete_deployment(self, namespace: str, name: str, *, force: bool = False, based_on: int | None = None) -> None:
        """See `DeploymentRegistry`."""
        self._deployments.delete(namespace, name, force=force, based_on=based_on)

    def deployment_events(
        self, namespace: str, name: str, *, before_id: int | None = None, limit: int = EVENTS_LIMIT
    ) -> list[DeploymentEvent]:
        """See `DeploymentRegistry`."""
        return self._deployments.events(namespace, name, before_id, limit)
