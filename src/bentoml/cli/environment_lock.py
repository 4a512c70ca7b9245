"""`bentoml env lock`: hashes for all that a bundle needs."""

from __future__ import annotations

import click

from bentoml.cli.options import bento_argument, bento_command
from bentoml.exceptions import CLIException


@bento_command("lock", short_help="Add hashes to the requirements of a bundle.")
@bento_argument
@click.option("--tool", type=click.Choice(("uv", "pip")), help="Who asks the index.  [uv if it is installed, else pip]")
def lock_command(bento: str, yatai_url: str | None, tool: str | None) -> None:
    """Write the hashes of all that BENTO (a directory, NAME:VERSION or NAME:latest) needs into its requirements.lock.

    The package index says them: that of the bundle, else the one that the tool is configured for. An image that is
    built afterwards installs nothing else. Sign the bundle after that, not before.
    """
    from bentoml.saved_bundle.locking import lock_bundle
    from bentoml.storage.address import is_address, shown
    from bentoml.yatai.resolve import resolve_bundle_path

    if is_address(bento):
        raise CLIException(f"{shown(bento)}: lock the bundle before it is put there, or retrieve it and lock the copy")
    path = resolve_bundle_path(bento, yatai_url)
    locked = lock_bundle(path, tool)
    click.echo(f"Locked {path}: {locked.distributions} distributions, {locked.hashes} hashes, from {locked.tool}")
