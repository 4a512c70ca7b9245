"""`bentoml env lock`: hashes for all that a bundle needs."""

from __future__ import annotations

import click

from bentoml.cli.options import bento_argument, bento_command
from bentoml.saved_bundle.requirements.lock_target import PLATFORMS


@bento_command("lock", short_help="Add hashes to the requirements of a bundle.")
@bento_argument
@click.option("--tool", type=click.Choice(("uv", "pip")), help="Who asks the index.  [uv if it is installed, else pip]")
@click.option(
    "--platform",
    type=click.Choice(PLATFORMS),
    help="Make the lock anew for such machines, with uv.  [none; as it was saved]",
)
@click.option(
    "--python-version", metavar="X.Y", help="Make the lock anew for another Python, with uv.  [that of the bundle]"
)
def lock_command(
    bento: str, yatai_url: str | None, tool: str | None, platform: str | None, python_version: str | None
) -> None:
    """Write the hashes of all that BENTO (directory, NAME:VERSION or NAME@ALIAS) needs into its requirements.lock.

    The package index says them: that of the bundle, else the one that the tool is configured for. An image that is
    built afterwards installs nothing else. Sign the bundle after that, not before.

    A lock is for the kind of machine that saved the bundle. For another kind, or for any with the bundle's Python, uv
    resolves the requirements anew, in the same versions wherever they fit. pip knows no other machine than its own.
    """
    from bentoml.saved_bundle.locking import lock_bundle
    from bentoml.yatai.resolve import resolve_own_bundle

    path = resolve_own_bundle(bento, yatai_url, "lock")
    locked = lock_bundle(path, tool, platform, python_version)
    click.echo(f"Locked {path}: {locked.distributions} distributions, {locked.hashes} hashes, from {locked.tool}")
