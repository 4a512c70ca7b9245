"""What the JSON interface takes and gives about deployments; see `messages`."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - msgspec reads the annotations
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from bentoml.yatai.server.messages import ClassicStatus, LabelText, Name, Taken

Revision = Annotated[int, Meta(ge=0, le=(1 << 31) - 1)]
Text = Annotated[str, Meta(max_length=10_000)]
OperatorName = Literal[
    "CUSTOM",
    "AWS_SAGEMAKER",
    "AWS_LAMBDA",
    "AZURE_FUNCTIONS",
    "AWS_EC2",
    "KUBERNETES",
    "ECS",
    "AZURE_CONTAINER_APPS",
    "CLOUD_RUN",
    "RAY",
]
PhaseName = Literal[
    "PENDING",
    "RUNNING",
    "SUCCEEDED",
    "FAILED",
    "UNKNOWN",
    "COMPLETED",
    "CRASH_LOOP_BACK_OFF",
    "ERROR",
    "INACTIVATED",
]


class DeploymentState(Struct):
    """How a deployment did when somebody looked; `info` is what the platform says."""

    state: str
    error_message: str
    info: dict[str, Any]
    timestamp: datetime | None


class DeploymentResource(Struct):
    """One thing that exists on the platform for a deployment."""

    kind: Annotated[str, Meta(min_length=1, max_length=10_000)]
    id: Annotated[str, Meta(min_length=1, max_length=10_000)]
    detail: dict[str, Any] = field(default_factory=dict)


class Deployment(Struct):
    """One record; `revision` grows with every change."""

    namespace: str
    name: str
    bento_name: str
    bento_version: str
    operator: str
    operator_config: dict[str, Any]
    labels: dict[str, str]
    annotations: dict[str, str]
    state: DeploymentState
    resources: list[DeploymentResource]
    revision: int
    created_at: datetime | None
    last_updated_at: datetime | None
    created_by: str


class DeploymentPage(Struct):
    """Some deployments, and where the next ones begin: null at the end. `total` is null unless it was asked for."""

    deployments: list[Deployment]
    next_offset: int | None
    total: int | None


class NewDeployment(Taken):
    """What a deployment shall be. `based_on` is the revision that was looked at: 0 for none, null for any."""

    bento_name: Name
    bento_version: Name
    operator: OperatorName
    operator_config: dict[str, Any] = field(default_factory=dict)
    labels: dict[LabelText, LabelText] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)
    based_on: Revision | None = None


class StateReport(Taken):
    """How a deployment does. `resources` is all that exists on the platform, null for what was known before."""

    state: PhaseName
    error_message: Text = ""
    info: dict[str, Any] = field(default_factory=dict)
    timestamp: datetime | None = None
    resources: list[DeploymentResource] | None = None
    message: Text = ""
    based_on: Revision | None = None


class DeploymentEvent(Struct):
    """Something that happened to a deployment, and its state from then on."""

    id: int
    at: datetime
    kind: str
    state: str
    message: str
    actor: str


class DeploymentEvents(Struct):
    """Events, newest first; `next_before` is what `before` is to be for the next ones, null at the end."""

    events: list[DeploymentEvent]
    next_before: int | None


class ClassicDeployment(Struct, rename="camel"):
    """A deployment as `bentoml deployment get -o json` prints it, or that under the name `deployment`.

    What the registry adds to a record (`state`, `createdAt`, `lastUpdatedAt`) is passed over.
    """

    deployment: dict[str, Any] | None = None
    namespace: str = ""
    name: str = ""
    spec: dict[str, Any] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)


class ClassicDeploymentTarget(Taken):
    """Which deployment; the namespace is the configured one when it is empty."""

    deployment_name: Name
    namespace: str = ""
    force_delete: bool = False


class ClassicDeploymentAnswer(Struct, omit_defaults=True):
    """Answer of an operation of the classic interface; only what belongs to it is there."""

    status: ClassicStatus
    deployment: dict[str, Any] | None = None
    deployments: list[dict[str, Any]] | None = None
    state: dict[str, Any] | None = None
