"""The file of a service on Cloud Run, which `gcloud run services replace` takes.

It is a Service of Knative, as far as Cloud Run has it: https://cloud.google.com/run/docs/reference/yaml/v1
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bentoml.deploy.app_platforms.server import Surroundings, longest_answer_s, requests_at_once, server_variables
from bentoml.deploy.plans import Plan
from bentoml.deploy.plans.yaml_text import yaml_text

if TYPE_CHECKING:
    from bentoml.deploy.app_platforms.app import App
    from bentoml.deploy.app_platforms.cloud_run_options import CloudRunOptions

FILE = "service.yaml"
PORT = 8080
KILL_AFTER_S = 10
START_LIMIT_S = 240
"""Longest time that Cloud Run gives an instance to be ready."""
LONGEST_NAME = 49
_PROXIES = "169.254.0.0/16"
_PERIOD_S = 10
_PROBE_TIMEOUT_S = 5


def cloud_run_plan(app: App, options: CloudRunOptions) -> Plan:
    """The file of a service, and what a person should know.

    Raises:
        InvalidArgument: its name cannot be.
    """
    app.check_name("Cloud Run", 1, LONGEST_NAME)
    return Plan({FILE: yaml_text(_service(app, options))}, notes=tuple(_notes(app)))


def _service(app: App, options: CloudRunOptions) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": app.name}
    if options.region is not None:
        metadata["labels"] = {"cloud.googleapis.com/location": options.region}
    metadata["annotations"] = {"run.googleapis.com/ingress": options.ingress}
    return {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {
            "template": {"metadata": {"annotations": _annotations(app, options)}, "spec": _revision(app, options)}
        },
    }


def _annotations(app: App, options: CloudRunOptions) -> dict[str, str]:
    annotations = {
        "bentoml.org/bundle": app.bundle,
        "autoscaling.knative.dev/minScale": str(options.min_instances),
        "autoscaling.knative.dev/maxScale": str(options.max_instances),
        "run.googleapis.com/execution-environment": "gen2",
        "run.googleapis.com/cpu-throttling": _word(options.cpu_throttling),
        "run.googleapis.com/startup-cpu-boost": "true",
    }
    if options.gpu_type is not None:
        # Instances in one zone: there are more GPUs to have, for less money.
        annotations["run.googleapis.com/gpu-zonal-redundancy-disabled"] = "true"
    return annotations


def _revision(app: App, options: CloudRunOptions) -> dict[str, Any]:
    at_once = requests_at_once(app.service, options.workers) if options.concurrency is None else options.concurrency
    timeout_s = longest_answer_s(app.service) if options.timeout_s is None else options.timeout_s
    spec: dict[str, Any] = {"containerConcurrency": at_once, "timeoutSeconds": timeout_s}
    if options.service_account is not None:
        spec["serviceAccountName"] = options.service_account
    if options.gpu_type is not None:
        spec["nodeSelector"] = {"run.googleapis.com/accelerator": options.gpu_type}
    return {**spec, "containers": [_container(app, options, timeout_s)]}


def _container(app: App, options: CloudRunOptions, timeout_s: int) -> dict[str, Any]:
    limits = {"cpu": str(options.cpu), "memory": options.memory}
    if options.gpu_type is not None:
        limits["nvidia.com/gpu"] = "1"
    around = Surroundings(KILL_AFTER_S, timeout_s, _PROXIES)
    env: list[dict[str, Any]] = [
        {"name": name, "value": value} for name, value in server_variables(options.workers, around, options.env).items()
    ]
    for name, secret in options.secrets.items():
        key, _, version = secret.partition(":")
        env.append({"name": name, "valueFrom": {"secretKeyRef": {"name": key, "key": version or "latest"}}})
    return {
        "image": app.image,
        "ports": [{"name": "http1", "containerPort": PORT}],
        "env": env,
        "resources": {"limits": limits},
        "startupProbe": _probe("/readyz", START_LIMIT_S // _PERIOD_S),
        "livenessProbe": _probe("/livez", 3),
    }


def _probe(path: str, failures: int) -> dict[str, Any]:
    return {
        "httpGet": {"path": path, "port": PORT},
        "periodSeconds": _PERIOD_S,
        "timeoutSeconds": _PROBE_TIMEOUT_S,
        "failureThreshold": failures,
    }


def _notes(app: App) -> list[str]:
    """Google keeps some paths for itself: what comes to them from outside never reaches a container."""
    kept = [api.route for api in app.service.apis if api.route.endswith("z") or api.route == "eventlog"]
    return [f"Cloud Run may answer /{route} itself; give the API another route" for route in kept]


def _word(flag: bool) -> str:
    return "true" if flag else "false"
