"""`bentoml metrics`: what monitoring needs to show and to watch the metrics of servers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeVar

import click

from bentoml.cli.options import bento_command

if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F", bound="Callable[..., Any]")


@click.group("metrics", short_help="Print a dashboard or alert rules for the metrics of servers.")
def metrics_group() -> None:
    """Print a dashboard for Grafana, or alert rules for Prometheus, for the metrics of servers."""


def _naming_options(function: F) -> F:
    """Add the options that say whose metrics are meant."""
    namespace = click.option("--namespace", metavar="TEXT", help="First part of the names.  [configured, else BENTOML]")
    service = click.option("--service", "service_name", metavar="NAME", help="Only this service.  [all services]")
    return namespace(service(function))


def _configured(namespace: str | None) -> str:
    from bentoml.configuration import get_config

    return get_config().bento_server.metrics.namespace if namespace is None else namespace


@bento_command("dashboard", short_help="Print a dashboard for Grafana as JSON.")
@_naming_options
def dashboard_command(namespace: str | None, service_name: str | None) -> None:
    """Print a dashboard for Grafana as JSON, ready to be imported."""
    from bentoml.server.metrics.dashboard import dashboard

    click.echo(json.dumps(dashboard(_configured(namespace), service_name), indent=2))


@bento_command("alerts", short_help="Print alert rules for Prometheus as YAML.")
@_naming_options
def alerts_command(namespace: str | None, service_name: str | None) -> None:
    """Print alert rules for Prometheus as YAML, ready to be one of its rule files."""
    import yaml

    from bentoml.server.metrics.alerts import alert_rules
    from bentoml.server.metrics.queries import Naming

    namespace = _configured(namespace)
    naming = Naming.of_all_services(namespace) if service_name is None else Naming.of_service(namespace, service_name)
    click.echo(yaml.safe_dump(alert_rules(naming), sort_keys=False, width=120), nl=False)


metrics_group.add_command(dashboard_command)
metrics_group.add_command(alerts_command)
