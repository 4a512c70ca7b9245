"""The options of `bentoml kubernetes` that say how a deployment runs; what is not given is None."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bentoml.cli.deployment_changes import engine_option
from bentoml.cli.deployment_options import read_pairs, together
from bentoml.cli.deployment_wishes import given_settings
from bentoml.exceptions import CLIException

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


def _text(name: str, metavar: str, text: str) -> Any:
    return click.option(f"--{name}", metavar=metavar, help=text)


def _number(name: str, text: str, least: int = 1) -> Any:
    return click.option(f"--{name}", type=click.IntRange(min=least), metavar="N", help=text)


def _flag(name: str, text: str) -> Any:
    return click.option(f"--{name}/--no-{name}", default=None, help=text)


def _several(name: str, field: str, metavar: str, text: str) -> Any:
    return click.option(f"--{name}", field, multiple=True, metavar=metavar, help=f"{text}; may be given several times.")


def _pairs(name: str, metavar: str, text: str) -> Any:
    options: dict[str, Any] = {"multiple": True, "metavar": metavar, "callback": read_pairs}
    return click.option(f"--{name}", **options, help=f"{text}; may be given several times.")


platform_options = together(
    _text("image", "NAME[:TAG]", "Image, which the cluster can pull; its tag is by default the version."),
    _text("context", "NAME", "Context of kubectl.  [the one in use]"),
    _text("kube-namespace", "NAME", "Namespace of the cluster.  [that of the deployment]"),
    _number("replicas", "Pods; the least of them when they scale.  [1]"),
    _number("max-replicas", "Most pods, as the load needs them.  [no scaling]"),
    _number("cpu-target-percent", "Use of the requested CPU to aim at when scaling; 0 looks away.  [80]", 0),
    _number("queue-target", "Waiting requests of a pod to aim at when scaling.  [look away]"),
    _text("cpu-request", "QUANTITY", "CPU guaranteed to a pod.  [500m]"),
    _text("cpu-limit", "QUANTITY", "Most CPU of a pod.  [no limit]"),
    _text("memory-request", "QUANTITY", "Memory guaranteed to a pod.  [1Gi]"),
    _text("memory-limit", "QUANTITY", "Most memory of a pod.  [as requested]"),
    _number("gpus", "GPUs of a pod.  [0]", 0),
    _number("workers", "Worker processes of a pod.  [configured]"),
    _number("port", "Port of the service.  [5000]"),
    _text("service-type", "TYPE", "ClusterIP, NodePort or LoadBalancer.  [ClusterIP]"),
    _text("host", "NAME", "Name under which an ingress hands requests on.  [none]"),
    _text("ingress-class", "NAME", "Class of the ingress.  [that of the cluster]"),
    _text("tls-secret", "NAME", "Secret with the certificate of the host."),
    _text("gateway", "[NAMESPACE/]NAME", "Gateway to use instead of an ingress."),
    _several("pull-secret", "pull_secrets", "NAME", "Secret for the registry of the image"),
    _text("service-account", "NAME", "Account that pods run as."),
    _pairs("env", "NAME=VALUE", "Variable of the server, which everybody can see who sees the deployment"),
    _several("secret", "secrets", "NAME", "Secret whose keys become variables"),
    click.option("--config-file", type=_FILE, metavar="FILE", help="Configuration file of the server."),
    _pairs("node-selector", "KEY=VALUE", "Label of nodes to run on"),
    _several("toleration", "tolerations", "KEY[=VALUE][:EFFECT]", "Taint of nodes to run on nevertheless"),
    _flag("network-policy", "Close all ports but the one of the server, or not.  [close]"),
    _flag("disruption-budget", "Have nodes emptied one pod at a time, or not.  [have]"),
    _flag("service-monitor", "Have the Prometheus operator read the metrics, or not.  [not]"),
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
        CLIException: there is no image, or the configuration file is no text.
    """
    config_file = options.pop("config_file")
    if config_file is not None:
        options["config"] = _read(config_file)
    settings = given_settings({name: _single(value) for name, value in options.items()}, before)
    if options["cpu_target_percent"] == 0:
        settings["cpu_target_percent"] = None
    if "image" not in settings:
        raise CLIException("say which image the cluster shall pull: --image REGISTRY/NAME")
    return settings


def _single(value: Any) -> Any:
    """What an option says that may be given several times: nothing, an empty text, or a list; others as they are."""
    if not isinstance(value, tuple):
        return value
    return "" if value == ("",) else list(value) or None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise CLIException(f"{path} is no text in UTF-8") from error
