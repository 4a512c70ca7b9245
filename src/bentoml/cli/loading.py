"""`bentoml load`: whether a bundle can be loaded here, and what is in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from bentoml.cli.options import bento_argument, bento_command, pickle_option, verify_option
from bentoml.cli.plain_table import plain_table

if TYPE_CHECKING:
    from bentoml.service.metadata import ArtifactMetadata, BentoServiceMetadata

_PICKLES = {True: "yes", False: "no", None: "not recorded"}


@bento_command("load", short_help="Load a bundle, to see that it works, and show what is in it.")
@bento_argument
@verify_option
@pickle_option
def load_command(bento: str, yatai_url: str | None, verify: bool, allow_pickle: bool | None) -> None:
    """Load BENTO (directory, address, NAME:VERSION or NAME@ALIAS) as a server does, and show its APIs and artifacts.

    With --no-pickle a bundle that could run code when its artifacts are read is refused, with a list of them.
    """
    from bentoml.cli.resolving import bundle_path
    from bentoml.saved_bundle import load, load_bento_service_metadata

    path = bundle_path(bento, yatai_url)
    service = load(path, verify=verify, allow_pickle=allow_pickle)
    click.echo(f"Loaded {service.name}:{service.version} from {path}")
    for table in _tables(load_bento_service_metadata(path)):
        click.echo(f"\n{table}")


def _tables(metadata: BentoServiceMetadata) -> list[str]:
    apis = [(api.name, api.input_type, api.output_type, f"/{api.route}") for api in metadata.apis]
    tables = [plain_table(("API", "INPUT", "OUTPUT", "ROUTE"), apis)] if apis else []
    if metadata.artifacts:
        headers = ("ARTIFACT", "TYPE", "OBJECT", "VERSION", "PICKLES", "BYTES")
        tables.append(plain_table(headers, [_row(artifact) for artifact in metadata.artifacts]))
    return tables


def _row(artifact: ArtifactMetadata) -> list[str]:
    facts = artifact.facts
    version = " ".join(str(facts[key]) for key in ("framework", "framework_version") if key in facts)
    size_bytes = sum(file.size_bytes for file in artifact.files)
    return [
        artifact.name,
        artifact.artifact_type,
        str(facts.get("class", "")),
        version,
        _PICKLES[artifact.carries_pickle],
        str(size_bytes) if artifact.files else "",
    ]
