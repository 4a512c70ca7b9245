"""`bentoml env list` and `bentoml env delete`: the environments that bundles share."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from bentoml.cli.options import bento_command

if TYPE_CHECKING:
    from bentoml.deploy.environment import EnvironmentHome

_HEADERS = ("ENVIRONMENT", "PYTHON", "MADE_FOR", "AGE", "USED", "MIB")


@bento_command("list", short_help="List the environments that were made.")
def list_command() -> None:
    """List the environments that bundles share: what each was made for, and when it was used last."""
    from bentoml.cli.plain_table import plain_table
    from bentoml.deploy.environment import list_environments

    click.echo(plain_table(_HEADERS, [_row(home) for home in list_environments()]))


def _row(home: EnvironmentHome) -> list[str]:
    record = home.record()
    mib = f"{home.size_bytes() / 2**20:.0f}"
    if record is None:
        return [home.path.name, "", "not finished", "", "", mib]
    return [home.path.name, record.python, record.bundle, _age(record.created_s), _age(home.used_s()), mib]


def _age(time_s: float) -> str:
    from bentoml.cli.age import age_text

    return age_text(time.time() - time_s)


@bento_command("delete", short_help="Delete environments.")
@click.argument("names", metavar="[ENVIRONMENT]...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Delete all of them.")
@click.option("--unused-for", "days", type=click.FloatRange(min=0), metavar="DAYS",
              help="Delete those that nobody has used for so many days, and what was not finished.")  # fmt: skip
@click.option("-y", "--yes", "--assume-yes", "assume_yes", is_flag=True, help="Do not ask.")
def delete_command(names: tuple[str, ...], everything: bool, days: float | None, assume_yes: bool) -> None:
    """Delete environments: some by their names or the beginnings of these, those that are not used, or all.

    One that a server runs in is kept. What is deleted is made again when it is needed.
    """
    if [bool(names), everything, days is not None].count(True) != 1:
        raise click.UsageError("Say what to delete: names of environments, --unused-for DAYS or --all.")
    from bentoml.deploy.environment import find_environment, list_environments, unused_environments

    if days is not None:
        homes = unused_environments(days)
    else:
        homes = list_environments() if everything else [find_environment(name) for name in dict.fromkeys(names)]
    for home in homes:
        # The question goes to stderr: stdout stays free for whoever reads it.
        if assume_yes or click.confirm(f"Permanently delete {home.path}?", err=True):
            _delete(home, is_named=bool(names))


def _delete(home: EnvironmentHome, *, is_named: bool) -> None:
    from bentoml.exceptions import BentoMLException

    try:
        with home.locked():
            home.remove()
    except BentoMLException as error:
        if is_named:
            raise
        click.echo(f"Kept: {error}", err=True)
        return
    click.echo(f"Deleted {home.path}")
