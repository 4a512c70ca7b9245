"""Deployments on Kubernetes: one file per object, applied with kubectl."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bentoml.deploy.kubernetes.facts import facts_of
from bentoml.deploy.kubernetes.kubectl import Application, Cluster, Removal, ask
from bentoml.deploy.kubernetes.names import INSTANCE
from bentoml.deploy.kubernetes.objects import file_of, objects_of
from bentoml.deploy.kubernetes.observation import state_of
from bentoml.deploy.kubernetes.scaling import adapter_rule
from bentoml.deploy.plans import Plan
from bentoml.deploy.plans.yaml_text import yaml_text
from bentoml.yatai.deployment_models import DeploymentPhase, DeploymentState, Operator

if TYPE_CHECKING:
    from collections.abc import Callable

    from bentoml.deploy.kubernetes.facts import Facts
    from bentoml.deploy.plans import Step
    from bentoml.service.metadata import BentoServiceMetadata
    from bentoml.yatai.deployment_models import Deployment, DeploymentResource, NewDeployment

ADAPTER_FILE = "prometheus-adapter-values.yaml"


@dataclass(frozen=True)
class KubernetesDeployer:
    """See `Deployer`.

    Attributes:
        image: gives the step that makes the image, by the tag of the bundle and the name of the image; None where the
            registry of the image has it already.
    """

    image: Callable[[str, str], Step] | None = None

    @property
    def operator(self) -> Operator:
        """See `Deployer`."""
        return Operator.KUBERNETES

    def plan(self, wanted: NewDeployment, service: BentoServiceMetadata) -> Plan:  # noqa: ARG002 - the image has it
        """See `Deployer`."""
        facts = facts_of(wanted)
        cluster = Cluster(facts.namespace, facts.options.context)
        found = list(objects_of(facts))
        files = {file_of(each): yaml_text(each) for each in found}
        notes = []
        if facts.options.queue_target is not None:
            files[ADAPTER_FILE] = yaml_text(adapter_rule(facts))
            notes.append(
                "Scaling on the queue needs prometheus-adapter in the cluster, once for all deployments: install its "
                f"chart with --values {ADAPTER_FILE}"
            )
        steps = tuple(Application(each, file_of(each), cluster) for each in found)
        built = () if self.image is None else (self.image(wanted.spec.bento_tag, facts.options.image),)
        return Plan(files, (*built, *steps), tuple(notes))

    def removal(self, resource: DeploymentResource) -> Removal:
        """See `Deployer`."""
        return Removal(resource)

    def observe(self, deployment: Deployment) -> DeploymentState:
        """See `Deployer`."""
        facts = facts_of(deployment)
        cluster = Cluster(facts.namespace, facts.options.context)
        found = ask(cluster, "get", "deployment", facts.name)
        if found.returncode != 0:
            if "(NotFound)" in found.stderr:
                text = f"there is no Deployment {facts.name} in the namespace {facts.namespace} of the cluster"
                return DeploymentState(DeploymentPhase.INACTIVATED, text)
            return DeploymentState(DeploymentPhase.UNKNOWN, f"kubectl: {found.stderr.strip()[-1000:]}")
        pods = ask(cluster, "get", "pods", f"--selector={INSTANCE}={facts.name}")
        state = state_of(json.loads(found.stdout), json.loads(pods.stdout) if pods.returncode == 0 else {})
        return replace(state, info={**state.info, "endpoints": endpoints(facts)})


def endpoints(facts: Facts) -> list[str]:
    """Where requests go: within the cluster, and from outside."""
    options = facts.options
    inside = f"http://{facts.name}.{facts.namespace}.svc:{options.port}"
    if options.host is None:
        return [inside]
    return [inside, f"{'http' if options.tls_secret is None else 'https'}://{options.host}"]
