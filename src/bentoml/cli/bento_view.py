"""How saved bundles look on the terminal: tables, JSON and YAML documents."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bentoml._util.json_forms import camel_case
from bentoml.cli.age import age_text
from bentoml.cli.plain_table import plain_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bentoml.yatai.models import Bento

TABLE_HEADERS = ("BENTO_SERVICE", "AGE", "APIS", "ARTIFACTS", "LABELS")
WIDE_HEADERS = ("BENTO_SERVICE", "CREATED_AT", "APIS", "ARTIFACTS", "LABELS", "URI")


def print_bento(bento: Bento, output: str) -> None:
    """Print one bundle as a JSON document, or as YAML when `output` says so; with its lock and bill when it is here."""
    from bentoml.saved_bundle.requirement_files import describe_requirement_files

    document = bento.to_json()
    path = Path(bento.uri.uri)
    if bento.uri.type.name == "LOCAL" and path.is_dir():
        for name, described in describe_requirement_files(path).items():
            document[camel_case(name)] = described and {camel_case(key): value for key, value in described.items()}
    click.echo(_yaml(document) if output == "yaml" else f"{_json(document)}\n", nl=False)


def print_bentos(bentos: Sequence[Bento], output: str) -> None:
    """Print several bundles: one document each for `json` and `yaml`, else one table.

    Args:
        bentos: The bundles, in the order to print.
        output: `json`, `yaml`, `table` or `wide`.
    """
    if output == "json":
        for bento in bentos:
            click.echo(_json(bento.to_json()))
    elif output == "yaml":
        for bento in bentos:
            click.echo("---\n" + _yaml(bento.to_json()), nl=False)
    else:
        click.echo(bento_table(bentos, wide=output == "wide", now=datetime.now(timezone.utc)))


def bento_table(bentos: Sequence[Bento], *, wide: bool, now: datetime) -> str:
    """The table of `list` and `get`; `now` (aware) is what AGE is counted from."""
    if wide:
        return plain_table(WIDE_HEADERS, [_wide_row(bento) for bento in bentos])
    return plain_table(TABLE_HEADERS, [_row(bento, now) for bento in bentos])


def _row(bento: Bento, now: datetime) -> list[str]:
    created_at = _created_at(bento)
    age = "" if created_at is None else age_text((now - created_at).total_seconds())
    return [f"{bento.name}:{bento.version}", age, *_content_cells(bento)]


def _wide_row(bento: Bento) -> list[str]:
    created_at = _created_at(bento)
    created = "" if created_at is None else created_at.strftime("%Y-%m-%d %H:%M")
    return [f"{bento.name}:{bento.version}", created, *_content_cells(bento), bento.uri.uri]


def _created_at(bento: Bento) -> datetime | None:
    """When the registry took the bundle in, which is what lists are sorted by; else when it was written. UTC, aware."""
    moment = bento.created_at or bento.bento_service_metadata.created_at
    if moment is None:
        return None
    return moment.astimezone(timezone.utc) if moment.tzinfo is not None else moment.replace(tzinfo=timezone.utc)


def _content_cells(bento: Bento) -> list[str]:
    metadata = bento.bento_service_metadata
    return [
        ", ".join(f"{api.name}<{api.input_type}:{api.output_type}>" for api in metadata.apis),
        ", ".join(f"{artifact.name}<{artifact.artifact_type}>" for artifact in metadata.artifacts),
        ", ".join(f"{key}:{value}" for key, value in metadata.labels.items()),
    ]


def _json(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2)


def _yaml(document: dict[str, Any]) -> str:
    import yaml

    text: str = yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
    return text
