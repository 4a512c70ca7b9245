"""`bentoml yatai check` and `gc`: whether the files of a registry are whole, and those gone that nobody needs."""

from __future__ import annotations

from datetime import timedelta

import click

from bentoml.cli.options import bento_command
from bentoml.cli.yatai_users import config_with, database_option


@bento_command("check", short_help="Compare the catalog with the files.")
@click.option("--deep", is_flag=True, help="Read every file and compare its digest.  [names and sizes alone]")
@database_option
@click.pass_context
def check_command(context: click.Context, deep: bool, db_url: str | None) -> None:
    """Compare the catalog with the files, and say what is missing or damaged; then the exit code is 1."""
    from bentoml.yatai.client import open_local_registry

    found = open_local_registry(config_with(db_url)).inspect(deep=deep)
    for problem in found.problems:
        click.echo(problem)
    click.echo(
        f"{found.bundles} bundles, {found.contents} contents: {len(found.problems)} problems; "
        f"{found.unknown} contents are unknown to the catalog, {found.unindexed} bundles not indexed yet"
    )
    if found.problems:
        context.exit(1)


@bento_command("gc", short_help="Remove contents that no bundle needs.")
@click.option(
    "--grace-hours",
    type=click.FloatRange(min=0),
    default=24,
    show_default=True,
    help="Age of files unknown to the catalog. Less than the longest upload takes loses that.",
)
@click.option("--dry-run", is_flag=True, help="Remove nothing, say what would be.")
@database_option
def gc_command(grace_hours: float, dry_run: bool, db_url: str | None) -> None:
    """Remove contents that no bundle needs, also while others save and delete."""
    from bentoml.yatai.client import open_local_registry

    report = open_local_registry(config_with(db_url)).collect(timedelta(hours=grace_hours), dry_run=dry_run)
    click.echo(
        f"{'Would remove' if dry_run else 'Removed'} {report.contents} contents ({report.content_bytes} bytes) that no "
        f"bundle needs, and {report.orphans} ({report.orphan_bytes} bytes) that the catalog does not know"
    )
