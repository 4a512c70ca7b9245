"""The command lines of kubectl: every value stands in an argument of its own, or after `=` in one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bentoml._util import proc
from bentoml.deploy.kubernetes.names import DEPLOYMENT, owned_labels
from bentoml.deploy.plans import Program
from bentoml.exceptions import YataiDeploymentException
from bentoml.yatai.deployment_models import DeploymentResource

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bentoml.deploy.plans import Workshop

LIMIT_S = 120.0
_ANSWER = "--request-timeout=60s"
_UNKNOWN_KINDS = ("doesn't have a resource type", "no matches for kind")


@dataclass(frozen=True)
class Cluster:
    """Which cluster, and which namespace of it.

    Attributes:
        namespace: of the cluster.
        context: of the configuration of kubectl; None for the one in use.
    """

    namespace: str
    context: str | None = None

    def kubectl(self, *words: str) -> tuple[str, ...]:
        """A command line."""
        context = () if self.context is None else (f"--context={self.context}",)
        return ("kubectl", *context, f"--namespace={self.namespace}", *words)


def current_context() -> str | None:
    """The context that kubectl uses; None where it has none, as inside of a cluster.

    Raises:
        BentoMLException: kubectl is not installed.
    """
    done = proc.run(["kubectl", "config", "current-context"], timeout_s=LIMIT_S)
    return done.stdout.strip() or None if done.returncode == 0 else None


def with_context(settings: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """Settings that name the cluster: what kubectl means now may be another one tomorrow.

    Args:
        settings: those that are wanted.
        before: those of the record; empty for a new deployment.

    Raises:
        BentoMLException: kubectl is not installed.
    """
    context = settings.get("context") or before.get("context") or current_context()
    return dict(settings) if context is None else {**settings, "context": context}


def resource_of(found: Mapping[str, Any], cluster: Cluster) -> DeploymentResource:
    """An object as the record of a deployment has it."""
    name = found["metadata"]["name"]
    place = f"{cluster.namespace}/{name}"
    return DeploymentResource(
        found["kind"],
        place if cluster.context is None else f"{cluster.context}:{place}",
        {
            "api_version": found["apiVersion"],
            "name": name,
            "namespace": cluster.namespace,
            "context": cluster.context,
        },
    )


@dataclass(frozen=True)
class Application:
    """Makes an object, or changes it; one of the same name that this deployment has not made stays as it is.

    Attributes:
        found: the object.
        file: of the plan, which has it.
        cluster: where it goes.
    """

    found: Mapping[str, Any]
    file: str
    cluster: Cluster

    @property
    def title(self) -> str:
        """See `Step`."""
        return f"apply {self.found['kind']} {self.found['metadata']['name']}"

    @property
    def creates(self) -> tuple[DeploymentResource, ...]:
        """See `Step`."""
        return (resource_of(self.found, self.cluster),)

    def lines(self) -> tuple[str, ...]:
        """See `Step`."""
        return self._program().lines()

    def run(self, workshop: Workshop) -> None:
        """See `Step`."""
        self._refuse_other()
        self._program().run(workshop)

    def _program(self) -> Program:
        return Program(self.title, self.cluster.kubectl("apply", f"--filename={self.file}", _ANSWER))

    def _refuse_other(self) -> None:
        """Refuse to change what is not ours; a kind that the cluster does not know is refused by `apply`."""
        metadata = self.found["metadata"]
        kind = full_kind(self.found["kind"], self.found["apiVersion"])
        done = ask(self.cluster, "get", kind, metadata["name"], "--ignore-not-found")
        if done.returncode != 0 or not done.stdout.strip():
            return
        there = json.loads(done.stdout)["metadata"].get("annotations") or {}
        if there.get(DEPLOYMENT) != metadata["annotations"][DEPLOYMENT]:
            owner = there.get(DEPLOYMENT)
            raise YataiDeploymentException(
                f"the namespace {self.cluster.namespace} has a {self.found['kind']} {metadata['name']} already, which "
                f"{'bentoml has not made' if owner is None else f'belongs to the deployment {owner}'}; "
                "choose another name, or another --kube-namespace"
            )


@dataclass(frozen=True)
class Removal:
    """Removes an object that a deployment has made. A cluster that does not know its kind has none."""

    resource: DeploymentResource
    creates: tuple[DeploymentResource, ...] = ()

    @property
    def title(self) -> str:
        """See `Step`."""
        return f"delete {self.resource.kind} {self.resource.detail['name']}"

    def lines(self) -> tuple[str, ...]:
        """See `Step`."""
        return Program(self.title, self._argv()).lines()

    def run(self, workshop: Workshop) -> None:
        """See `Step`."""
        done = proc.run(self._argv(), timeout_s=LIMIT_S)
        if done.returncode != 0 and not any(text in done.stderr for text in _UNKNOWN_KINDS):
            raise YataiDeploymentException(f"kubectl could not delete it: {done.stderr.strip()[-2000:]}")
        for line in done.stdout.splitlines():
            workshop.say(line)

    def _argv(self) -> tuple[str, ...]:
        """By its labels, and not by its name alone, which an object of somebody else may have."""
        detail = self.resource.detail
        cluster = Cluster(detail["namespace"], detail.get("context"))
        kind = full_kind(self.resource.kind, detail["api_version"])
        selector = ",".join(f"{key}={value}" for key, value in owned_labels(detail["name"]).items())
        return cluster.kubectl("delete", kind, f"--selector={selector}", "--ignore-not-found", _ANSWER)


def full_kind(kind: str, api_version: str) -> str:
    """A kind as kubectl takes it whatever other groups of a cluster have a kind of this name."""
    group, slash, version = api_version.rpartition("/")
    return f"{kind}.{version}.{group}" if slash else kind


def ask(cluster: Cluster, *words: str) -> proc.Completed:
    """What kubectl prints; it has failed when its exit code is not 0.

    Raises:
        BentoMLException: kubectl is not installed, or does not come to an end.
    """
    return proc.run(cluster.kubectl(*words, "--output=json", "--request-timeout=20s"), timeout_s=LIMIT_S)
