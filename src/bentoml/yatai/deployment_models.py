"""What the registry says about a deployment: a bundle that runs on a platform, or shall.

The registry keeps records. Programs that deploy read and write them; the registry itself starts and stops nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar

from bentoml._util.json_forms import timestamp_text
from bentoml.yatai.deployment_forms import KNOWN_SETTINGS, config_key, info_text, written_config
from bentoml.yatai.models import SortBy

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from bentoml.yatai.labels import LabelCondition

ALL_NAMESPACES = "__BENTOML_ALL_NAMESPACE"
DEFAULT_LIMIT = 200


class Operator(IntEnum):
    """Kind of platform, and so which program looks after the deployment."""

    UNSET = 0
    CUSTOM = 1
    AWS_SAGEMAKER = 2
    AWS_LAMBDA = 3
    AZURE_FUNCTIONS = 4
    AWS_EC2 = 5
    KUBERNETES = 6
    ECS = 7
    AZURE_CONTAINER_APPS = 8
    CLOUD_RUN = 9
    RAY = 10

    @property
    def written(self) -> str:
        """Its name as files and tables have it, such as `aws-lambda`."""
        return self.name.lower().replace("_", "-")


class DeploymentPhase(IntEnum):
    """How a deployment does."""

    PENDING = 0
    RUNNING = 1
    SUCCEEDED = 2
    FAILED = 3
    UNKNOWN = 4
    COMPLETED = 5
    CRASH_LOOP_BACK_OFF = 6
    ERROR = 7
    INACTIVATED = 8


@dataclass(frozen=True)
class DeploymentSpec:
    """What runs, and where.

    Attributes:
        bento_name: name of the bundle.
        bento_version: its version; never `latest` or an alias.
        operator: kind of platform.
        operator_config: settings of the platform, in its own words, such as `{"memory_size": 1024}`.
    """

    bento_name: str
    bento_version: str
    operator: Operator
    operator_config: Mapping[str, Any] = field(default_factory=dict)

    @property
    def bento_tag(self) -> str:
        """`name:version`."""
        return f"{self.bento_name}:{self.bento_version}"

    @property
    def custom_operator_config(self) -> SimpleNamespace:
        """The settings by their names, None where nothing is set; all of them for another platform."""
        return self._settings(Operator.CUSTOM)

    @property
    def sagemaker_operator_config(self) -> SimpleNamespace:
        """Likewise."""
        return self._settings(Operator.AWS_SAGEMAKER)

    @property
    def aws_lambda_operator_config(self) -> SimpleNamespace:
        """Likewise."""
        return self._settings(Operator.AWS_LAMBDA)

    @property
    def azure_functions_operator_config(self) -> SimpleNamespace:
        """Likewise."""
        return self._settings(Operator.AZURE_FUNCTIONS)

    @property
    def aws_ec2_operator_config(self) -> SimpleNamespace:
        """Likewise."""
        return self._settings(Operator.AWS_EC2)

    def _settings(self, operator: Operator) -> SimpleNamespace:
        given = self.operator_config if self.operator is operator else {}
        return SimpleNamespace(**{**dict.fromkeys(KNOWN_SETTINGS[operator.name]), **given})

    def to_json(self) -> dict[str, Any]:
        """The document, in camelCase; the settings have a name that tells the platform."""
        return {
            "bentoName": self.bento_name,
            "bentoVersion": self.bento_version,
            "operator": self.operator.name,
            config_key(self.operator.name): written_config(self.operator.name, self.operator_config),
        }


@dataclass(frozen=True)
class DeploymentState:
    """How a deployment did when somebody looked.

    Attributes:
        state: in one word.
        error_message: what went wrong; empty for nothing.
        info: what the platform says, such as endpoints.
        timestamp: when somebody looked; None for now, where a state is written.
    """

    PENDING: ClassVar[DeploymentPhase] = DeploymentPhase.PENDING
    RUNNING: ClassVar[DeploymentPhase] = DeploymentPhase.RUNNING
    SUCCEEDED: ClassVar[DeploymentPhase] = DeploymentPhase.SUCCEEDED
    FAILED: ClassVar[DeploymentPhase] = DeploymentPhase.FAILED
    UNKNOWN: ClassVar[DeploymentPhase] = DeploymentPhase.UNKNOWN
    COMPLETED: ClassVar[DeploymentPhase] = DeploymentPhase.COMPLETED
    CRASH_LOOP_BACK_OFF: ClassVar[DeploymentPhase] = DeploymentPhase.CRASH_LOOP_BACK_OFF
    ERROR: ClassVar[DeploymentPhase] = DeploymentPhase.ERROR
    INACTIVATED: ClassVar[DeploymentPhase] = DeploymentPhase.INACTIVATED

    state: DeploymentPhase = DeploymentPhase.PENDING
    error_message: str = ""
    info: Mapping[str, Any] = field(default_factory=dict)
    timestamp: datetime | None = None

    @property
    def info_json(self) -> str:
        """What the platform says, as JSON."""
        return info_text(self.info)

    def to_json(self) -> dict[str, Any]:
        """The fields that are set, in camelCase."""
        document: dict[str, Any] = {"state": self.state.name}
        if self.error_message:
            document["errorMessage"] = self.error_message
        if self.info:
            document["infoJson"] = self.info_json
        if self.timestamp is not None:
            document["timestamp"] = timestamp_text(self.timestamp)
        return document


@dataclass(frozen=True)
class DeploymentResource:
    """One thing that exists on the platform for a deployment, and has to be removed with it.

    Attributes:
        kind: such as `s3_bucket`, in the words of the program that made it.
        id: by which the platform knows it.
        detail: what else is needed to remove it, such as its region.
    """

    kind: str
    id: str
    detail: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The document."""
        return {"kind": self.kind, "id": self.id, "detail": dict(self.detail)}


@dataclass(frozen=True)
class NewDeployment:
    """What somebody wants to run.

    Attributes:
        namespace: part of its name; deployments of a team or a stage share one.
        name: unique in the namespace.
        spec: what runs, and where.
        labels: as those of bundles.
        annotations: further texts by key, which nobody looks for.
    """

    namespace: str
    name: str
    spec: DeploymentSpec
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Deployment(NewDeployment):
    """One record.

    Attributes:
        state: how it did when somebody looked.
        resources: what exists of it on the platform, as far as its program has written down; also after a failure.
        revision: grows with every change. A change that is based on another one is refused.
        created_at: when it was first recorded.
        created_by: who did so.
        last_updated_at: when anything of it has changed.
    """

    state: DeploymentState = field(default_factory=DeploymentState)
    resources: tuple[DeploymentResource, ...] = ()
    revision: int = 1
    created_at: datetime | None = None
    last_updated_at: datetime | None = None
    created_by: str = ""

    @property
    def full_name(self) -> str:
        """`namespace/name`."""
        return f"{self.namespace}/{self.name}"

    def to_json(self) -> dict[str, Any]:
        """The document that `bentoml deployment get -o json` prints."""
        document: dict[str, Any] = {
            "namespace": self.namespace,
            "name": self.name,
            "spec": self.spec.to_json(),
            "state": self.state.to_json(),
            "annotations": dict(self.annotations),
            "labels": dict(self.labels),
        }
        if self.created_at is not None:
            document["createdAt"] = timestamp_text(self.created_at)
        if self.last_updated_at is not None:
            document["lastUpdatedAt"] = timestamp_text(self.last_updated_at)
        return document


class EventKind(IntEnum):
    """What an event tells of."""

    CREATED = 0
    UPDATED = 1
    STATE = 2


@dataclass(frozen=True)
class DeploymentEvent:
    """Something that happened to a deployment.

    Attributes:
        id: grows with time.
        at: when.
        kind: what it tells of.
        state: in which the deployment was from then on.
        message: more about it.
        actor: who wrote it.
    """

    id: int
    at: datetime
    kind: EventKind
    state: DeploymentPhase
    message: str
    actor: str


@dataclass(frozen=True)
class DeploymentQuery:
    """Which deployments, in which order.

    Attributes:
        namespace: exact; None for all.
        operator: kind of platform; None for all.
        states: those in one of them; empty for all.
        bento_name, bento_version: of the bundle, exact; None for all.
        search: words, each a part of name, namespace or tag of the bundle; case does not count.
        conditions: label conditions, all of which must hold.
        name_patterns: of the names of bundles, one of which must match; `*` stands for any characters.
        also_patterns: more of such patterns; the names match one in each group.
        sort_by: the time of the first record, or the name.
        ascending: smallest (oldest) first.
        offset: deployments to skip, >= 0.
        limit: most deployments to return, >= 0; None for all.
    """

    namespace: str | None = None
    operator: Operator | None = None
    states: Collection[DeploymentPhase] = ()
    bento_name: str | None = None
    bento_version: str | None = None
    search: str = ""
    conditions: Sequence[LabelCondition] = ()
    name_patterns: Sequence[str] = ("*",)
    also_patterns: Sequence[Sequence[str]] = ()
    sort_by: SortBy = SortBy.CREATED_AT
    ascending: bool = False
    offset: int = 0
    limit: int | None = DEFAULT_LIMIT
