"""What is known about a service without running it: the value the other parts hand to each other."""

from __future__ import annotations

import copy
import dataclasses
from dataclasses import dataclass, field
from datetime import date, datetime, timezone
from typing import TYPE_CHECKING, Any

from bentoml._util.json_forms import camel_case, timestamp_text
from bentoml.service.declaration import DEFAULT_MAX_BATCH_SIZE, DEFAULT_MAX_LATENCY_MS
from bentoml.service.plain_values import plain_value

if TYPE_CHECKING:
    from collections.abc import Callable

    from bentoml.service.artifacts import BentoServiceArtifact
    from bentoml.service.bento_service import BentoService
    from bentoml.service.env import BentoServiceEnv
    from bentoml.service.inference_api import InferenceAPI

DEFAULT_OUTPUT_TYPE = "DefaultOutput"

_LEFT_OUT_WHEN_EMPTY = frozenset(
    {
        "artifact_class",
        "carries_pickle",
        "conda_env",
        "created_at",
        "facts",
        "files",
        "input_config",
        "labels",
        "output_config",
        "pip_dependencies",
        "requirements_txt",
        "setup_sh",
    }
)


@dataclass(frozen=True)
class EnvMetadata:
    """The environment of a service; `setup_sh`, `conda_env` and `requirements_txt` are file contents."""

    setup_sh: str = ""
    conda_env: str = ""
    pip_dependencies: str = ""
    python_version: str = ""
    docker_base_image: str = ""
    pip_packages: tuple[str, ...] = ()
    requirements_txt: str = ""


@dataclass(frozen=True)
class ArtifactFile:
    """One file of an artifact.

    Attributes:
        path: relative to the directory of artifacts, with `/`.
        sha256: of its content, in lower-case hex.
    """

    path: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True)
class ArtifactMetadata:
    """One artifact.

    Attributes:
        artifact_type: name of its class.
        metadata: what was given to `pack`.
        artifact_class: full name of its class; empty when it was not recorded.
        carries_pickle: whether loading it can run code that stands in its files; None when it was not recorded.
        facts: what the artifact tells of its object.
        files: what it wrote.
    """

    name: str
    artifact_type: str
    metadata: dict[str, Any] = field(default_factory=dict)
    artifact_class: str = ""
    carries_pickle: bool | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    files: tuple[ArtifactFile, ...] = ()


@dataclass(frozen=True)
class ApiMetadata:
    """One inference API.

    Attributes:
        mb_max_latency: budget of a request, milliseconds.
        mb_max_batch_size: requests in one call.
        route: URL path without leading slash; the name when not given.
    """

    name: str
    input_type: str
    docs: str = ""
    input_config: dict[str, Any] = field(default_factory=dict)
    output_config: dict[str, Any] = field(default_factory=dict)
    output_type: str = DEFAULT_OUTPUT_TYPE
    mb_max_latency: int = DEFAULT_MAX_LATENCY_MS
    mb_max_batch_size: int = DEFAULT_MAX_BATCH_SIZE
    batch: bool = False
    route: str = ""

    def __post_init__(self) -> None:
        if not self.route:
            object.__setattr__(self, "route", self.name)


@dataclass(frozen=True)
class BentoServiceMetadata:
    """A service: its name, version, environment, artifacts and APIs.

    Attributes:
        created_at: when it was saved, in UTC; None for one that was not.
    """

    name: str
    version: str
    created_at: datetime | None = None
    env: EnvMetadata = field(default_factory=EnvMetadata)
    artifacts: tuple[ArtifactMetadata, ...] = ()
    apis: tuple[ApiMetadata, ...] = ()
    labels: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """A dict for `json.dumps`, with names in camelCase."""
        document: dict[str, Any] = _encode(self, camel_case)
        return document

    def to_snake_json(self) -> dict[str, Any]:
        """A dict for `json.dumps`, with names in snake_case."""
        document: dict[str, Any] = _encode(self, str)
        return document

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> BentoServiceMetadata:
        """Read what `to_json` made; keys that are not known are skipped, missing ones have their defaults."""
        values = _known(cls, document)
        if values.get("created_at") is not None:
            values["created_at"] = parse_timestamp(values["created_at"])
        env = _known(EnvMetadata, values.get("env") or {})
        values["env"] = EnvMetadata(**{**env, "pip_packages": tuple(env.get("pip_packages") or ())})
        values["artifacts"] = tuple(_artifact_from_json(item) for item in values.get("artifacts") or ())
        values["apis"] = tuple(ApiMetadata(**_known(ApiMetadata, item)) for item in values.get("apis") or ())
        return cls(**values)


def parse_timestamp(value: str | datetime) -> datetime:
    """A point in time in UTC, from ISO 8601 text or a datetime; without an offset it is taken as UTC."""
    moment = datetime.fromisoformat(value.replace("Z", "+00:00")) if isinstance(value, str) else value
    return moment.replace(tzinfo=timezone.utc) if moment.tzinfo is None else moment.astimezone(timezone.utc)


def describe_service(service: BentoService) -> BentoServiceMetadata:
    """Collect the metadata of a service object."""
    return BentoServiceMetadata(
        name=service.name,
        version=service.version,
        created_at=service._bento_service_bundle_created_at,
        env=describe_env(service.env),
        artifacts=tuple(_describe_artifact(artifact) for artifact in service.artifacts.values()),
        apis=tuple(_describe_api(api) for api in service.inference_apis),
    )


def describe_env(env: BentoServiceEnv) -> EnvMetadata:
    """The metadata of an environment."""
    section = env.to_dict()
    return EnvMetadata(
        setup_sh=section.get("setup_sh", ""),
        conda_env=env._conda_env.to_yaml(),
        python_version=section["python_version"],
        docker_base_image=section["docker_base_image"],
        pip_packages=tuple(section.get("pip_packages", ())),
        requirements_txt=section.get("requirements_txt", ""),
    )


def _describe_artifact(artifact: BentoServiceArtifact) -> ArtifactMetadata:
    return ArtifactMetadata(artifact.name, type(artifact).__name__, copy.deepcopy(artifact.metadata))


def _describe_api(api: InferenceAPI) -> ApiMetadata:
    return ApiMetadata(
        name=api.name,
        input_type=type(api.input_adapter).__name__,
        docs=api.doc,
        input_config=plain_value(dict(api.input_adapter.config or {}), f"input of API '{api.name}'"),
        output_config=plain_value(dict(api.output_adapter.config or {}), f"output of API '{api.name}'"),
        output_type=type(api.output_adapter).__name__,
        mb_max_latency=api.mb_max_latency,
        mb_max_batch_size=api.mb_max_batch_size,
        batch=api.batch,
        route=api.route,
    )


def _encode(value: Any, rename: Callable[[str], str]) -> Any:
    if dataclasses.is_dataclass(value):
        encoded = {}
        for item in dataclasses.fields(value):
            content = getattr(value, item.name)
            if content or content is False or item.name not in _LEFT_OUT_WHEN_EMPTY:
                encoded[rename(item.name)] = _encode(content, rename)
        return encoded
    if isinstance(value, dict):  # free-form content keeps its own names
        return {key: _encode(item, rename) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_encode(item, rename) for item in value]
    if isinstance(value, datetime):
        return timestamp_text(parse_timestamp(value))
    if isinstance(value, date):  # in the metadata of artifacts: YAML knows dates, JSON does not
        return value.isoformat()
    return value


def _artifact_from_json(document: dict[str, Any]) -> ArtifactMetadata:
    values = _known(ArtifactMetadata, document)
    files = tuple(ArtifactFile(**_known(ArtifactFile, item)) for item in values.get("files") or ())
    return ArtifactMetadata(**{**values, "files": files})


def _known(kind: type[Any], document: dict[str, Any]) -> dict[str, Any]:
    return {
        item.name: document[camel_case(item.name)]
        for item in dataclasses.fields(kind)
        if camel_case(item.name) in document
    }
