"""The record of a deployment while it is changed: what may exist is written down before it is made."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bentoml.yatai.deployment_models import DeploymentPhase, DeploymentState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from bentoml.yatai.deployment_models import Deployment, DeploymentResource
    from bentoml.yatai.deployment_registry import DeploymentRegistry

UNFINISHED = "unfinished"
"""Key of the state's info: the step that was begun last, until all are done."""
STATUS = "status"
"""Key of a resource's detail."""
PENDING = "pending"
EXISTS = "exists"
_LONGEST_MESSAGE = 5000


def is_same(one: DeploymentResource, other: DeploymentResource) -> bool:
    """Whether two records mean one thing on the platform."""
    return (one.kind, one.id) == (other.kind, other.id)


def is_unfinished(deployment: Deployment) -> bool:
    """Whether its last change has not come to its end, because it still goes on or has failed."""
    return UNFINISHED in deployment.state.info


class Recorder:
    """Writes one record, and notices when somebody else has written it.

    Args:
        registry: has the record.
        deployment: as it was read.
    """

    def __init__(self, registry: DeploymentRegistry, deployment: Deployment) -> None:
        self._registry = registry
        self.deployment = deployment

    @property
    def step(self) -> str:
        """The step that was begun last."""
        return str(self.deployment.state.info.get(UNFINISHED, "record the deployment"))

    def begin(self, title: str, resources: Iterable[DeploymentResource] = ()) -> None:
        """A step begins, after which these may exist."""
        self._set(resources, PENDING, DeploymentPhase.PENDING, title)

    def made(self, resources: Iterable[DeploymentResource]) -> None:
        """These exist."""
        self._set(resources, EXISTS, DeploymentPhase.PENDING, self.step)

    def removed(self, resource: DeploymentResource) -> None:
        """This is gone."""
        left = [each for each in self.deployment.resources if not is_same(each, resource)]
        self._write(replace(self.deployment.state, timestamp=None), left, f"removed {resource.kind} {resource.id}")

    def done(self) -> None:
        """All steps are done."""
        info = {key: value for key, value in self.deployment.state.info.items() if key != UNFINISHED}
        self._write(DeploymentState(DeploymentPhase.PENDING, info=info), self.deployment.resources)

    def failed(self, message: str) -> None:
        """The step that was begun last has failed."""
        state = DeploymentState(DeploymentPhase.FAILED, message[:_LONGEST_MESSAGE], self.deployment.state.info)
        self._write(state, self.deployment.resources)

    def observed(self, state: DeploymentState) -> None:
        """Somebody has looked."""
        self._write(state, self.deployment.resources)

    def _set(self, resources: Iterable[DeploymentResource], status: str, phase: DeploymentPhase, title: str) -> None:
        kept = list(self.deployment.resources)
        for resource in resources:
            marked = replace(resource, detail={**resource.detail, STATUS: status})
            place = next((at for at, each in enumerate(kept) if is_same(each, resource)), None)
            if place is None:
                kept.append(marked)
            else:
                kept[place] = marked
        info: Mapping[str, Any] = {**self.deployment.state.info, UNFINISHED: title}
        self._write(DeploymentState(phase, info=info), kept)

    def _write(self, state: DeploymentState, resources: Iterable[DeploymentResource], message: str = "") -> None:
        self.deployment = self._registry.set_deployment_state(
            self.deployment.namespace,
            self.deployment.name,
            state,
            resources=tuple(resources),
            message=message,
            based_on=self.deployment.revision,
        )
