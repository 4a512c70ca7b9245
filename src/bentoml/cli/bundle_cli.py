"""The console script of a bundle that was installed with pip: our commands with the BENTO argument filled in."""

from __future__ import annotations

import copy
import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bentoml.cli.lazy_group import LazyGroup
from bentoml.cli.main import COMMANDS
from bentoml.cli.options import BENTO_ARGUMENT_HELP, REMOTE_PARAMETERS

if TYPE_CHECKING:
    import os

BUNDLE_COMMANDS = ("run", "info", "open-api-spec", "serve", "serve-gunicorn", "containerize", "install-completion")


class BundleGroup(LazyGroup):
    """The commands that work on one bundle, bound to it."""

    def __init__(self, bundle_path: Path, **kwargs: Any) -> None:
        entries = [entry for entry in COMMANDS if entry.name in BUNDLE_COMMANDS]
        super().__init__(entries=entries, **kwargs)
        self.bundle_path = bundle_path

    def adapt(self, command: click.Command) -> click.Command:
        """A copy of the command that takes no BENTO argument."""
        if not any(parameter.name in REMOTE_PARAMETERS for parameter in command.params):
            return command
        assert command.callback is not None
        bound = copy.copy(command)
        bound.help = (command.help or "").replace(BENTO_ARGUMENT_HELP, "this service")
        bound.params = [parameter for parameter in command.params if parameter.name not in REMOTE_PARAMETERS]
        bound.callback = functools.partial(command.callback, bento=str(self.bundle_path), yatai_url=None)
        return bound


def create_bundle_cli(bundle_path: str | os.PathLike[str]) -> click.Group:
    """Make the command line of one bundle.

    Nothing is read until a command runs, so that importing an installed bundle stays cheap.

    Args:
        bundle_path: Directory of the bundle, or of the package that was installed from it.

    Returns:
        A click group: call it to run the command line.
    """
    path = Path(bundle_path)
    group = BundleGroup(path, name=path.name, help="Run or serve this BentoService.")
    group.params.append(
        click.Option(
            ["--version"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=functools.partial(_print_version, path),
            help="Show the name and version of the BentoService and exit.",
        )
    )
    return group


def _print_version(bundle_path: Path, ctx: click.Context, parameter: click.Parameter, value: bool) -> None:  # noqa: ARG001
    if not value or ctx.resilient_parsing:
        return
    from bentoml.saved_bundle import load_bento_service_metadata

    metadata = load_bento_service_metadata(str(bundle_path))
    click.echo(f"{metadata.name}, version {metadata.version}")
    ctx.exit()
