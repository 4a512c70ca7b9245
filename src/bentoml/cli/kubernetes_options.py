"""The options of `bentoml kubernetes` that say how a deployment runs; what is not given is None."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bentoml.cli.deployment_changes import engine_option
from bentoml.cli.deployment_options import together
from bentoml.cli.deployment_wishes import given_settings
from bentoml.cli.option_kinds import flag, number, pairs, several, text
from bentoml.exceptions import CLIException

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
platform_options = together(
    text("image", "NAME[:TAG]", "Image, which the cluster can pull; its tag is by default the version."),
    text("context", "NAME", "Context of kubectl.  [the one in use]"),
    text("kube-namespace", "NAME", "Namespace of the cluster.  [that of the deployment]"),
    number("replicas", "Pods; the least of them when they scale.  [1]"),
    number("max-replicas", "Most pods, as the load needs them.  [no scaling]"),
    number("cpu-target-percent", "Use of the requested CPU to aim at when scaling; 0 looks away.  [80]", 0),
    number("queue-target", "Waiting requests of a pod to aim at when scaling.  [look away]"),
    text("cpu-request", "QUANTITY", "CPU guaranteed to a pod.  [500m]"),
    text("cpu-limit", "QUANTITY", "Most CPU of a pod.  [no limit]"),
    text("memory-request", "QUANTITY", "Memory guaranteed to a pod.  [1Gi]"),
    text("memory-limit", "QUANTITY", "Most memory of a pod.  [as requested]"),
    number("gpus", "GPUs of a pod.  [0]", 0),
    number("workers", "Worker processes of a pod.  [configured]"),
    number("port", "Port of the service.  [5000]"),
    text("service-type", "TYPE", "ClusterIP, NodePort or LoadBalancer.  [ClusterIP]"),
    text("host", "NAME", "Name under which an ingress hands requests on.  [none]"),
    text("ingress-class", "NAME", "Class of the ingress.  [that of the cluster]"),
    text("tls-secret", "NAME", "Secret with the certificate of the host."),
    text("gateway", "[NAMESPACE/]NAME", "Gateway to use instead of an ingress."),
    several("pull-secret", "pull_secrets", "NAME", "Secret for the registry of the image"),
    text("service-account", "NAME", "Account that pods run as."),
    pairs("env", "NAME=VALUE", "Variable of the server, which everybody can see who sees the deployment"),
    several("secret", "secrets", "NAME", "Secret whose keys become variables"),
    click.option("--config-file", type=_FILE, metavar="FILE", help="Configuration file of the server."),
    pairs("node-selector", "KEY=VALUE", "Label of nodes to run on"),
    several("toleration", "tolerations", "KEY[=VALUE][:EFFECT]", "Taint of nodes to run on nevertheless"),
    flag("network-policy", "Close all ports but the one of the server, or not.  [close]"),
    flag("disruption-budget", "Have nodes emptied one pod at a time, or not.  [have]"),
    flag("service-monitor", "Have the Prometheus operator read the metrics, or not.  [not]"),
)
"""One option for each field of `KubernetesOptions`."""

build_options = together(
    click.option("--build", is_flag=True, help="Build the image first."),
    click.option("--push", is_flag=True, help="Build the image first, and put it into the registry of its name."),
    engine_option,
)


def kubernetes_settings(options: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """The settings of a deployment: those of before, with those that are given in their place.

    Args:
        options: of the command line, by the names of the fields; an empty text takes a setting back.
        before: settings of the record; empty for a new one.

    Raises:
        UsageError: there is no image.
        CLIException: the configuration file is no text.
    """
    config_file = options.pop("config_file")
    if config_file is not None:
        options["config"] = _read(config_file)
    settings = given_settings(options, before)
    if options["cpu_target_percent"] == 0:
        settings["cpu_target_percent"] = None
    if "image" not in settings:
        raise click.UsageError("Say which image the cluster shall pull: --image REGISTRY/NAME")
    return settings


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise CLIException(f"{path} is no text in UTF-8") from error
