"""What pages show of deployments, made of their records."""

from __future__ import annotations

import json
import urllib.parse
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from bentoml.yatai.deployment_forms import KNOWN_SETTINGS
from bentoml.yatai.deployment_models import DeploymentPhase, EventKind, Operator
from bentoml.yatai.server.web.templating import path_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from bentoml.yatai.deployment_models import Deployment, DeploymentEvent

PLATFORMS: Mapping[Operator, str] = MappingProxyType(
    {
        Operator.AWS_LAMBDA: "AWS Lambda",
        Operator.AWS_SAGEMAKER: "AWS SageMaker",
        Operator.AWS_EC2: "AWS EC2",
        Operator.AZURE_FUNCTIONS: "Azure Functions",
        Operator.KUBERNETES: "Kubernetes",
        Operator.ECS: "AWS ECS",
        Operator.AZURE_CONTAINER_APPS: "Azure Container Apps",
        Operator.CLOUD_RUN: "Google Cloud Run",
        Operator.RAY: "Ray",
        Operator.CUSTOM: "Custom",
    }
)
"""Names of platforms as people write them, in the order of menus."""

_TONES = {
    DeploymentPhase.RUNNING: "good",
    DeploymentPhase.SUCCEEDED: "good",
    DeploymentPhase.PENDING: "warn",
    DeploymentPhase.FAILED: "bad",
    DeploymentPhase.ERROR: "bad",
    DeploymentPhase.CRASH_LOOP_BACK_OFF: "bad",
}
# Settings with a title of their own, and the unit that they are in.
_TITLES = {
    "ami_id": ("Machine image", ""),
    "api_name": ("API", ""),
    "autoscale_desired_capacity": ("Machines wanted", ""),
    "autoscale_max_size": ("Machines at most", ""),
    "autoscale_min_size": ("Machines at least", ""),
    "data_capture_s3_prefix": ("Requests are captured to", ""),
    "data_capture_sample_percent": ("Requests captured", "%"),
    "function_auth_level": ("Who may call", ""),
    "instance_count": ("Instances", ""),
    "instance_type": ("Kind of machine", ""),
    "location": ("Location", ""),
    "max_burst": ("Instances at most", ""),
    "memory_size": ("Memory", "MB"),
    "min_instances": ("Instances at least", ""),
    "num_of_gunicorn_workers_per_instance": ("Workers per instance", ""),
    "premium_plan_sku": ("Plan", ""),
    "region": ("Region", ""),
    "timeout": ("Time for a request", "s"),
}
_HOST_NAMES = ("default_host_name", "defaultHostName")
_MOST_ENDPOINTS = 20


@dataclass(frozen=True)
class Fact:
    """A term, and what it is.

    Attributes:
        text: in one line; empty where there is a document.
        document: of several lines, as JSON.
    """

    term: str
    text: str = ""
    document: str = ""


@dataclass(frozen=True)
class DeploymentRow:
    """One deployment in a list.

    Attributes:
        state: in words.
        tone: of the state: good, warn, bad or nothing.
        path: as it stands in addresses.
    """

    namespace: str
    name: str
    platform: str
    bundle_name: str
    bundle_version: str
    state: str
    tone: str
    labels: Mapping[str, str]
    created_at: datetime | None
    changed_at: datetime | None

    @classmethod
    def of(cls, deployment: Deployment) -> DeploymentRow:
        """The row of a record."""
        return cls(
            namespace=deployment.namespace,
            name=deployment.name,
            platform=platform_of(deployment),
            bundle_name=deployment.spec.bento_name,
            bundle_version=deployment.spec.bento_version,
            state=phase_text(deployment.state.state),
            tone=tone_of(deployment.state.state),
            labels=deployment.labels,
            created_at=deployment.created_at,
            changed_at=deployment.last_updated_at,
        )

    @property
    def path(self) -> str:
        """Namespace and name as they stand in addresses."""
        return f"{path_text(self.namespace)}/{path_text(self.name)}"

    @property
    def bundle_path(self) -> str:
        """The bundle as it stands in addresses."""
        return f"{path_text(self.bundle_name)}/{path_text(self.bundle_version)}"


@dataclass(frozen=True)
class EventRow:
    """One event in a time line."""

    at: datetime
    title: str
    message: str
    tone: str
    actor: str

    @classmethod
    def of(cls, event: DeploymentEvent) -> EventRow:
        """The row of an event."""
        titles = {EventKind.CREATED: "Recorded", EventKind.UPDATED: "Changed"}
        title = titles.get(event.kind, phase_text(event.state))
        return cls(event.at, title, event.message, tone_of(event.state), event.actor)


def phase_text(phase: DeploymentPhase) -> str:
    """A state as people write it: `Crash loop back off`."""
    return phase.name.replace("_", " ").capitalize()


def tone_of(phase: DeploymentPhase) -> str:
    """Whether a state is good, to be waited for (warn), bad, or none of these."""
    return _TONES.get(phase, "")


def platform_of(deployment: Deployment) -> str:
    """The platform as people write it; of a custom one the name that its settings give."""
    spec = deployment.spec
    if spec.operator is Operator.CUSTOM and isinstance(spec.operator_config.get("name"), str):
        return str(spec.operator_config["name"]) or PLATFORMS[spec.operator]
    return PLATFORMS.get(spec.operator, spec.operator.name)


def endpoints_of(info: Mapping[str, Any]) -> list[str]:
    """Addresses of the web in what a platform says, each once."""
    found = [text for value in info.values() for text in _texts(value) if _is_web_address(text)]
    found += [f"https://{info[key]}" for key in _HOST_NAMES if isinstance(info.get(key), str)]
    return list(dict.fromkeys(text for text in found if _is_web_address(text)))[:_MOST_ENDPOINTS]


def settings_of(deployment: Deployment) -> list[Fact]:
    """The settings of the platform in words: the known ones in their order, then the others."""
    config = deployment.spec.operator_config
    known = KNOWN_SETTINGS.get(deployment.spec.operator.name, ())
    ordered = [key for key in known if key in config] + [key for key in config if key not in known]
    facts = []
    for key in ordered:
        title, unit = _TITLES.get(key, (key, "")) if key in known else (key, "")
        facts.append(fact(title, config[key], unit))
    return facts


def facts_of(document: Mapping[str, Any]) -> list[Fact]:
    """What a document says, a row for each key."""
    return [fact(key, value) for key, value in document.items()]


def fact(term: str, value: object, unit: str = "") -> Fact:
    """A value in one line, or as JSON where it has several parts."""
    if isinstance(value, (dict, list)) and value:
        if isinstance(value, list) and all(isinstance(item, str) and len(item) < 80 for item in value):
            return Fact(term, ", ".join(value))
        return Fact(term, document=json.dumps(value, indent=2, ensure_ascii=False))
    if value is None or value in ("", {}, []):
        return Fact(term, "not set")
    if isinstance(value, bool):
        return Fact(term, "yes" if value else "no")
    text = value if isinstance(value, str) else json.dumps(value)
    return Fact(term, f"{text} {unit}".strip())


def _texts(value: object) -> Iterator[str]:
    items: Sequence[object] = value if isinstance(value, list) else [value]
    return (item for item in items if isinstance(item, str))


def _is_web_address(text: str) -> bool:
    """Whether a text may be a link: what a platform says is no script."""
    try:
        parts = urllib.parse.urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.netloc) and text.isprintable() and " " not in text
