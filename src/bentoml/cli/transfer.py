"""`bentoml push` and `bentoml pull`: bundles to and from a registry that a team shares."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from bentoml.cli.options import bento_command, yatai_url_option
from bentoml.cli.progress import transfer_line
from bentoml.exceptions import CLIException
from bentoml.types import Tag

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bentoml.cli.command import Verbosity
    from bentoml.yatai.transfer import Transfer


@bento_command("push", short_help="Copy a bundle of this machine to a registry.")
@click.argument("bento", metavar="NAME:VERSION")
@click.option("--with-labels/--without-labels", default=True, help="With the labels it has here, or none.  [with]")
@yatai_url_option
@click.pass_obj
def push_command(verbosity: Verbosity, bento: str, with_labels: bool, yatai_url: str | None) -> None:
    """Copy a bundle of this machine (NAME:VERSION, NAME:latest or NAME@ALIAS) to the registry at --yatai-url.

    What the registry has already is not sent. After a push that broke off, the same command goes on.
    """
    from bentoml.yatai.client import get_yatai_client

    _refuse_without_version(bento)
    with _told_to_go_on(), transfer_line(f"Sending {bento}", quiet=verbosity.quiet) as progress:
        repository = get_yatai_client(yatai_url, progress=progress).repository
        sent = repository.send(bento, with_labels)
    _say(verbosity, sent, f"at {repository.url}")
    click.echo(f"Pushed {sent.bento.tag} to {repository.url}")


@bento_command("pull", short_help="Copy a bundle of a registry to this machine.")
@click.argument("bento", metavar="NAME:VERSION")
@yatai_url_option
@click.pass_obj
def pull_command(verbosity: Verbosity, bento: str, yatai_url: str | None) -> None:
    """Copy a bundle (NAME:VERSION, NAME:latest or NAME@ALIAS) of the registry at --yatai-url to this machine.

    It keeps its labels. What is on this machine already is not loaded.
    """
    from bentoml.yatai.client import get_yatai_client

    _refuse_without_version(bento)
    with _told_to_go_on(), transfer_line(f"Loading {bento}", quiet=verbosity.quiet) as progress:
        repository = get_yatai_client(yatai_url, progress=progress).repository
        received = repository.receive(bento)
    _say(verbosity, received, "on this machine")
    click.echo(f"Pulled {received.bento.tag} from {repository.url}")


@contextmanager
def _told_to_go_on() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        click.echo("Interrupted; the same command goes on where it was", err=True)
        raise


def _refuse_without_version(bento: str) -> None:
    if not Tag.is_written(bento):
        raise CLIException(f"BentoService {bento} invalid - specify name:version")


def _say(verbosity: Verbosity, transfer: Transfer, where: str) -> None:
    """Tell what the result alone does not."""
    if not transfer.was_there or verbosity.quiet:
        return
    click.echo(f"{transfer.bento.tag} is {where} already, with the same files", err=True)
    if transfer.labels_differ:
        click.echo("Its labels there are others, and stay; bentoml label changes them", err=True)
