"""What a registry answers about deployments, read into the values that all registries give; see `answers`."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - msgspec reads the annotations
from typing import TYPE_CHECKING, Any

import msgspec

from bentoml.exceptions import InvalidArgument
from bentoml.yatai.deployment_models import (
    Deployment,
    DeploymentEvent,
    DeploymentResource,
    DeploymentSpec,
    DeploymentState,
    EventKind,
)
from bentoml.yatai.deployment_reading import read_operator, read_phase
from bentoml.yatai.remote.failures import nonsense

if TYPE_CHECKING:
    from bentoml.yatai.remote.address import RegistryAddress


class StateAnswer(msgspec.Struct):
    """How a deployment does."""

    state: str
    error_message: str
    info: dict[str, Any]
    timestamp: datetime | None


class ResourceAnswer(msgspec.Struct):
    """Something that exists on a platform."""

    kind: str
    id: str
    detail: dict[str, Any]


class DeploymentAnswer(msgspec.Struct):
    """One deployment."""

    namespace: str
    name: str
    bento_name: str
    bento_version: str
    operator: str
    operator_config: dict[str, Any]
    labels: dict[str, str]
    annotations: dict[str, str]
    state: StateAnswer
    resources: list[ResourceAnswer]
    revision: int
    created_at: datetime | None
    last_updated_at: datetime | None
    created_by: str


class DeploymentPage(msgspec.Struct):
    """Some deployments."""

    deployments: list[DeploymentAnswer]
    next_offset: int | None = None
    total: int | None = None


class EventAnswer(msgspec.Struct):
    """Something that happened."""

    id: int
    at: datetime
    kind: str
    state: str
    message: str
    actor: str


class EventPage(msgspec.Struct):
    """Events, newest first."""

    events: list[EventAnswer]
    next_before: int | None = None


def as_deployment(answer: DeploymentAnswer, address: RegistryAddress) -> Deployment:
    """A deployment as all registries give it.

    Raises:
        BentoMLRpcError: it is on a platform, or in a state, that this version does not know.
    """
    state = answer.state
    try:
        operator, phase = read_operator(answer.operator), read_phase(state.state)
    except InvalidArgument as error:
        raise nonsense(address, f"with a deployment that this version cannot read: {error}") from error
    return Deployment(
        namespace=answer.namespace,
        name=answer.name,
        spec=DeploymentSpec(answer.bento_name, answer.bento_version, operator, answer.operator_config),
        labels=answer.labels,
        annotations=answer.annotations,
        state=DeploymentState(phase, state.error_message, state.info, state.timestamp),
        resources=tuple(DeploymentResource(each.kind, each.id, each.detail) for each in answer.resources),
        revision=answer.revision,
        created_at=answer.created_at,
        last_updated_at=answer.last_updated_at,
        created_by=answer.created_by,
    )


def as_event(answer: EventAnswer, address: RegistryAddress) -> DeploymentEvent:
    """An event as all registries give it.

    Raises:
        BentoMLRpcError: this version does not know its kind or state.
    """
    try:
        kind, phase = EventKind[answer.kind], read_phase(answer.state)
    except (KeyError, InvalidArgument) as error:
        raise nonsense(address, f"with an event that this version cannot read: {error}") from error
    return DeploymentEvent(answer.id, answer.at, kind, phase, answer.message, answer.actor)
