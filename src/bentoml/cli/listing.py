"""`bentoml list` and `bentoml get`: look into the repository."""

from __future__ import annotations

import click

from bentoml.cli.bento_view import print_bento, print_bentos
from bentoml.cli.options import bento_command, labels_option, output_option, yatai_url_option
from bentoml.types import Tag


@bento_command("list", short_help="List the saved bundles of the repository.")
@click.option("--limit", type=click.IntRange(min=0), metavar="N", help="At most so many bundles.  [default: 40]")
@click.option("--offset", type=click.IntRange(min=0), metavar="N", help="Leave out the first N bundles.")
@labels_option
@click.option("--search", metavar="WORDS", help="Only what has these words in name, version or labels.")
@click.option("--deleted", is_flag=True, help="What was deleted and can be restored.")
@click.option("--order-by", type=click.Choice(["created_at", "name"]), default="created_at", show_default=True)
@click.option("--ascending-order", is_flag=True, help="Oldest, or first name, on top.")
@output_option
@yatai_url_option
def list_command(
    limit: int | None,
    offset: int | None,
    labels: str | None,
    search: str | None,
    deleted: bool,
    order_by: str,
    ascending_order: bool,
    output: str | None,
    yatai_url: str | None,
) -> None:
    """List the saved bundles of the repository, newest first."""
    from bentoml.yatai.client import get_yatai_client

    bentos = get_yatai_client(yatai_url).repository.list(
        limit=limit,
        offset=offset,
        labels=labels,
        search=search,
        deleted=deleted,
        order_by=order_by,
        ascending_order=ascending_order,
    )
    print_bentos(bentos, output or "table")


@bento_command("get", short_help="Show one saved bundle, or the versions of a name.")
@click.argument("bento", metavar="NAME[:VERSION]")
@click.option("--limit", type=click.IntRange(min=0), metavar="N", help="At most so many versions.  [default: 40]")
@click.option("--ascending-order", is_flag=True, help="Oldest version on top.")
@click.option("--print-location", is_flag=True, help="Print only where the bundle is.")
@labels_option
@output_option
@yatai_url_option
def get_command(
    bento: str,
    limit: int | None,
    ascending_order: bool,
    print_location: bool,
    labels: str | None,
    output: str | None,
    yatai_url: str | None,
) -> None:
    """Show one saved bundle (NAME:VERSION or NAME@ALIAS), or list all versions of NAME."""
    from bentoml.yatai.client import get_yatai_client

    repository = get_yatai_client(yatai_url).repository
    is_tag = Tag.is_written(bento)
    if is_tag:
        found = [repository.get(bento)]
    else:
        found = repository.list(bento_name=bento, limit=limit, ascending_order=ascending_order, labels=labels)
    if print_location:
        for item in found:
            click.echo(item.uri.uri)
    elif is_tag:
        print_bento(found[0], output or "json")
    else:
        print_bentos(found, output or "table")
