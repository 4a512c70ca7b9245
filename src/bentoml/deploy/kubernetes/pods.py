"""What runs: the pods, and the Deployment that keeps them."""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING, Any

from bentoml.deploy.kubernetes.facts import CONFIG_FILE
from bentoml.deploy.kubernetes.option_checks import read_toleration

if TYPE_CHECKING:
    from bentoml.deploy.kubernetes.facts import Facts
    from bentoml.deploy.kubernetes.options import KubernetesOptions

CONTAINER_PORT = 5000
PORT_NAME = "http"
UID = 1034
LEAVE_S = 5
"""Time for the proxies of a cluster to learn that a pod leaves, before its server stops accepting."""
AFTER_GRACE_S = 10
"""Time for the processes of a server to end, after the last answer."""
START_LIMIT_S = 900
_PROBE_S = 5
_CONFIG_DIRECTORY = "/etc/bentoml"
_SPREAD = ("topology.kubernetes.io/zone", "kubernetes.io/hostname")


def deployment(facts: Facts) -> dict[str, Any]:
    """Pods that are replaced without a gap: a new one is ready before an old one leaves."""
    options = facts.options
    scale = {} if options.scales else {"replicas": options.replicas}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": facts.metadata(),
        "spec": {
            **scale,
            "revisionHistoryLimit": 5,
            "progressDeadlineSeconds": START_LIMIT_S + 60,
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
            "selector": {"matchLabels": facts.selector},
            "template": {"metadata": _pod_metadata(facts), "spec": pod_spec(facts)},
        },
    }


def config_map(facts: Facts) -> dict[str, Any]:
    """The configuration file of the server."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": facts.metadata(),
        "data": {CONFIG_FILE: facts.options.config or ""},
    }


def pod_spec(facts: Facts, container: str = "server") -> dict[str, Any]:
    """One pod: no privileges, nothing to write on but a temporary directory, and time to finish its answers.

    Args:
        facts: what it is made from.
        container: name of its container.
    """
    options = facts.options
    spec: dict[str, Any] = {
        "automountServiceAccountToken": options.service_account is not None,
        "terminationGracePeriodSeconds": LEAVE_S + math.ceil(grace_s(facts)) + AFTER_GRACE_S,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": UID,
            "runAsGroup": UID,
            "fsGroup": UID,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(facts, container)],
        "volumes": _volumes(facts),
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": key,
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": facts.selector},
            }
            for key in _SPREAD
        ],
    }
    if options.service_account is not None:
        spec["serviceAccountName"] = options.service_account
    if options.pull_secrets:
        spec["imagePullSecrets"] = [{"name": name} for name in options.pull_secrets]
    if options.node_selector:
        spec["nodeSelector"] = dict(options.node_selector)
    if options.tolerations:
        spec["tolerations"] = [read_toleration(text) for text in options.tolerations]
    return spec


def grace_s(facts: Facts) -> float:
    """How long the server in the pod waits for answers when it stops."""
    server = facts.config.bento_server
    return server.timeout if server.grace_s is None else server.grace_s


def _pod_metadata(facts: Facts) -> dict[str, Any]:
    annotations = dict(facts.annotations)
    if facts.options.config is not None:
        # Pods read the file once, when they start: with another file there have to be other pods.
        annotations["bentoml.org/config-sha256"] = hashlib.sha256(facts.options.config.encode()).hexdigest()
    return {"labels": dict(facts.labels), "annotations": annotations}


def _container(facts: Facts, name: str) -> dict[str, Any]:
    options = facts.options
    container: dict[str, Any] = {
        "name": name,
        "image": facts.image,
        "imagePullPolicy": "IfNotPresent",
        "env": _variables(facts),
        "ports": [{"name": PORT_NAME, "containerPort": CONTAINER_PORT, "protocol": "TCP"}],
        "resources": _resources(facts),
        "startupProbe": _probe("/readyz", _PROBE_S, START_LIMIT_S // _PROBE_S),
        "readinessProbe": _probe("/readyz", _PROBE_S, 2),
        "livenessProbe": _probe("/livez", 2 * _PROBE_S, 3),
        "lifecycle": {"preStop": {"exec": {"command": ["sleep", str(LEAVE_S)]}}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108 - of the container
    }
    arguments = [*gpu_arguments(options), *([] if options.workers is None else ["--workers", str(options.workers)])]
    if arguments:
        container["args"] = arguments
    if options.secrets:
        container["envFrom"] = [{"secretRef": {"name": secret}} for secret in options.secrets]
    if options.config is not None:
        container["volumeMounts"].append({"name": "config", "mountPath": _CONFIG_DIRECTORY, "readOnly": True})
    return container


def gpu_arguments(options: KubernetesOptions) -> list[str]:
    """Words for the server that give each worker a GPU; without them models would be loaded to the CPU.

    With workers that cannot be shared out evenly all of them see all GPUs, for models that need several.
    """
    if not options.gpus or (options.workers is not None and options.workers % options.gpus):
        return []
    return ["--gpus", ",".join(map(str, range(options.gpus)))]


def _variables(facts: Facts) -> list[dict[str, str]]:
    """The server's own first; `$(NAME)` in a value is taken as it is."""
    own = {"BENTOML_PORT": str(CONTAINER_PORT)}
    if facts.options.config is not None:
        own["BENTOML_CONFIG"] = f"{_CONFIG_DIRECTORY}/{CONFIG_FILE}"
    return [{"name": name, "value": value.replace("$(", "$$(")} for name, value in {**own, **facts.options.env}.items()]


def _resources(facts: Facts) -> dict[str, Any]:
    options = facts.options
    limits = {"memory": options.memory_limit or options.memory_request}
    if options.cpu_limit is not None:
        limits["cpu"] = options.cpu_limit
    if options.gpus:
        limits["nvidia.com/gpu"] = str(options.gpus)
    return {"requests": {"cpu": options.cpu_request, "memory": options.memory_request}, "limits": limits}


def _probe(path: str, period_s: int, failures: int) -> dict[str, Any]:
    return {
        "httpGet": {"path": path, "port": PORT_NAME},
        "periodSeconds": period_s,
        "timeoutSeconds": _PROBE_S,
        "failureThreshold": failures,
    }


def _volumes(facts: Facts) -> list[dict[str, Any]]:
    volumes: list[dict[str, Any]] = [{"name": "tmp", "emptyDir": {}}]
    if facts.options.config is not None:
        volumes.append({"name": "config", "configMap": {"name": facts.name}})
    return volumes
