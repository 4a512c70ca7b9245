"""The objects of a deployment as files for other programs: kubectl, kustomize, Helm, KServe."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from bentoml.deploy.kubernetes.chart import chart_files
from bentoml.deploy.kubernetes.facts import facts_of
from bentoml.deploy.kubernetes.objects import file_of, objects_of
from bentoml.deploy.kubernetes.pods import config_map, pod_spec
from bentoml.deploy.plans.yaml_text import yaml_text
from bentoml.exceptions import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bentoml.deploy.kubernetes.facts import Facts
    from bentoml.yatai.deployment_models import NewDeployment

# They belong to the Deployment that KServe makes itself.
_OWN_OF_KSERVE = ("host", "gateway", "queue_target", "service_monitor")


def manifests(wanted: NewDeployment, form: str) -> dict[str, str]:
    """The files of a form, by name.

    Args:
        wanted: the deployment; nothing of it is recorded.
        form: one of `FORMS`.

    Raises:
        InvalidArgument: it cannot be, or not in this form.
    """
    return dict(FORMS[form](facts_of(wanted)))


def _plain(facts: Facts) -> dict[str, str]:
    return {file_of(found): yaml_text(found) for found in objects_of(facts)}


def _kustomize(facts: Facts) -> dict[str, str]:
    """A base: overlays change its image, its number of pods and its namespace."""
    files = _plain(facts)
    base = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "resources": list(files)}
    return {"kustomization.yaml": yaml_text(base), **files}


def _kserve(facts: Facts) -> dict[str, str]:
    """An InferenceService, whose container answers the Open Inference Protocol below `/v2`."""
    options = facts.options
    for name in _OWN_OF_KSERVE:
        if getattr(options, name):
            raise InvalidArgument(f"leave {name} out for KServe, which sees to it itself")
    if not facts.config.bento_server.open_inference.enabled:
        raise InvalidArgument("KServe speaks the Open Inference Protocol: enable bento_server.open_inference")
    pod = pod_spec(facts, "kserve-container")
    pod["containers"][0]["ports"][0]["name"] = "http1"
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        pod["containers"][0][probe]["httpGet"]["port"] = "http1"
    predictor: dict[str, Any] = {
        "minReplicas": options.replicas,
        "maxReplicas": options.max_replicas or options.replicas,
    }
    if options.scales and options.cpu_target_percent is not None:
        predictor |= {"scaleMetric": "cpu", "scaleTarget": options.cpu_target_percent}
    metadata = facts.metadata()
    metadata["annotations"]["serving.kserve.io/deploymentMode"] = "RawDeployment"
    service = {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": metadata,
        "spec": {"predictor": {**predictor, "timeout": math.ceil(facts.config.bento_server.timeout), **pod}},
    }
    files = {} if options.config is None else {"configmap.yaml": yaml_text(config_map(facts))}
    return {**files, "inferenceservice.yaml": yaml_text(service)}


FORMS: Mapping[str, Callable[[Facts], dict[str, str]]] = {
    "plain": _plain,
    "kustomize": _kustomize,
    "helm": chart_files,
    "kserve": _kserve,
}
"""What makes each form."""
