"""`bentoml yatai manifests`: what it takes to run the registry in containers."""

from __future__ import annotations

from pathlib import Path

import click

from bentoml.cli.options import bento_command


@bento_command("manifests", short_help="Write what runs a registry in containers.")
@click.argument("directory", type=click.Path(path_type=Path))
def manifests_command(directory: Path) -> None:
    """Write a Dockerfile, a file for Compose, manifests for Kubernetes and alert rules into a new DIRECTORY.

    They are yours to change: each says at its top how it is used.
    """
    from bentoml.deploy.registry.files import write_registry_files

    for name in write_registry_files(directory):
        click.echo(directory / name)
