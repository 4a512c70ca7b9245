"""How deployments look on the terminal: tables, JSON and YAML documents."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import click

from bentoml.cli.age import age_text
from bentoml.cli.plain_table import plain_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bentoml.yatai.deployment_models import Deployment

HEADERS = ("NAME", "NAMESPACE", "PLATFORM", "BENTO_SERVICE", "STATUS", "AGE")


def print_deployments(deployments: Sequence[Deployment], output: str) -> None:
    """Print deployments: one document each for `json` and `yaml`, else one table.

    Args:
        deployments: The records, in the order to print.
        output: `json`, `yaml`, `table` or `wide`.
    """
    if output == "json":
        for deployment in deployments:
            click.echo(json.dumps(_document(deployment), indent=2))
    elif output == "yaml":
        import yaml

        for deployment in deployments:
            text = yaml.safe_dump(_document(deployment), sort_keys=False, allow_unicode=True)
            click.echo(f"---\n{text}" if len(deployments) > 1 else text, nl=False)
    else:
        click.echo(deployment_table(deployments, wide=output == "wide", now=datetime.now(timezone.utc)))


def _document(deployment: Deployment) -> dict[str, Any]:
    """The record, with what exists of it on its platform."""
    document = deployment.to_json()
    if deployment.resources:
        document["resources"] = [resource.to_json() for resource in deployment.resources]
    return document


def deployment_table(deployments: Sequence[Deployment], *, wide: bool, now: datetime) -> str:
    """The table of `deployment list`; `now` (aware) is what AGE is counted from."""
    rows = [_row(deployment, now) for deployment in deployments]
    if not wide:
        return plain_table(HEADERS, rows)
    labels = [", ".join(f"{key}:{value}" for key, value in each.labels.items()) for each in deployments]
    return plain_table((*HEADERS, "LABELS"), [[*row, text] for row, text in zip(rows, labels, strict=True)])


def _row(deployment: Deployment, now: datetime) -> list[str]:
    created_at = deployment.created_at
    return [
        deployment.name,
        deployment.namespace,
        deployment.spec.operator.written,
        deployment.spec.bento_tag,
        deployment.state.state.name.lower().replace("_", " "),
        "" if created_at is None else age_text((now - created_at).total_seconds()),
    ]
