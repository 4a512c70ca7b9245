"""`bentoml env create`: a virtual environment for a bundle."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bentoml.cli.environment_options import making_options
from bentoml.cli.options import bento_argument, bento_command, verify_option

if TYPE_CHECKING:
    from bentoml.cli.command import Verbosity
    from bentoml.deploy.environment import Environment, EnvironmentOptions


@bento_command("create", short_help="Make the environment of a bundle.")
@bento_argument
@making_options
@click.option("--path", type=click.Path(path_type=Path), metavar="DIR",
              help="Make it here.  [a directory that bundles with the same requirements share]")  # fmt: skip
@click.option("--force", is_flag=True, help="Make it anew when it is there.")
@verify_option
@click.pass_obj
def create_command(
    verbosity: Verbosity,
    bento: str,
    yatai_url: str | None,
    python: str | None,
    path: Path | None,
    force: bool,
    only_wheels: bool,
    installer: str | None,
    verify: bool,
) -> None:
    """Make a virtual environment with what BENTO (directory, NAME:VERSION or NAME@ALIAS) needs.

    Bundles with the same requirements and the same Python share one; what is there already is taken. What happens goes
    to stderr while it happens, the path of the environment to stdout. The bundle's setup.sh is not run.
    """
    from bentoml.cli.resolving import bundle_path
    from bentoml.deploy.environment import EnvironmentOptions

    options = EnvironmentOptions(python, path, force, only_wheels, installer, verify)
    environment = made(bundle_path(bento, yatai_url), options, quiet=verbosity.quiet)
    if verbosity.quiet:
        click.echo(environment.home.path)
        return
    what = "Made" if environment.is_new else "There is already"
    click.echo(f"{what} an environment with Python {environment.record.python}: {environment.home.path}")


def made(bundle: Path, options: EnvironmentOptions, *, quiet: bool) -> Environment:
    """Make an environment while a person sees what happens: on one line of a terminal, else line by line."""
    from bentoml.cli.progress import StatusLine
    from bentoml.deploy.environment import create_environment

    if quiet:
        return create_environment(bundle, options)
    if not sys.stderr.isatty():
        return create_environment(bundle, options, lambda line: click.echo(line, err=True))
    status = StatusLine(sys.stderr)
    try:
        return create_environment(bundle, options, status.show)
    finally:
        status.close()
