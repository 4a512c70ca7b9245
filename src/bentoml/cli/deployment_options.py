"""Options that the commands for deployments on all platforms share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bentoml.cli.options import output_option, yatai_url_option

if TYPE_CHECKING:
    from collections.abc import Callable

    Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def read_pairs(
    ctx: click.Context,  # noqa: ARG001 - as click calls it
    parameter: click.Parameter,
    values: tuple[str, ...],
) -> dict[str, str] | None:
    """NAME=VALUE, each in an option of its own; None for no option, and nothing at all for an empty one.

    Raises:
        BadParameter: one has no `=`.
    """
    if not values:
        return None
    pairs = {}
    for value in filter(None, values):
        name, equals, text = value.partition("=")
        if not equals or not name:
            raise click.BadParameter(f"{value!r} is no {parameter.metavar}")
        pairs[name] = text
    return pairs


def _read_labels(
    ctx: click.Context,  # noqa: ARG001 - as click calls it
    parameter: click.Parameter,  # noqa: ARG001
    values: tuple[str, ...],
) -> dict[str, str] | None:
    """Labels as KEY=VALUE or, as classic commands have it, KEY:VALUE; commas divide them."""
    if not values:
        return None
    labels = {}
    for item in filter(None, (item.strip() for value in values for item in value.split(","))):
        key, divider, text = item.partition("=" if "=" in item else ":")
        if not divider:
            raise click.BadParameter(f"{item!r} is no KEY=VALUE")
        labels[key.strip()] = text.strip()
    return labels


def together(*decorators: Decorator) -> Decorator:
    """Several options as one decorator, in this order in the help."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return decorate


namespace_option = click.option(
    "-n", "--namespace", metavar="NAME", help="Namespace of the deployment.  [configured, else dev]"
)

one_deployment = together(click.argument("name"), namespace_option)
"""NAME and `--namespace`."""

labels_given = click.option(
    "-l",
    "--labels",
    multiple=True,
    metavar="KEY=VALUE,...",
    callback=_read_labels,
    help="Labels of the deployment; may be given several times.",
)

plan_options = together(
    click.option("--dry-run", is_flag=True, help="Print files and steps; nothing is done or recorded."),
    click.option(
        "--output-dir",
        type=click.Path(file_okay=False, path_type=Path),
        metavar="DIR",
        help="Write files and steps to a new directory; nothing is done or recorded.",
    ),
)

wait_options = together(
    click.option("--wait/--no-wait", default=True, help="Wait until it runs, or leave it to itself.  [wait]"),
    click.option(
        "--wait-timeout",
        "wait_timeout_s",
        type=click.FloatRange(min=0),
        metavar="SECONDS",
        default=600,
        help="Longest wait.  [600]",
    ),
)

force_option = click.option("--force", is_flag=True, help="Go on after errors, and forget what could not be removed.")

listing_options = together(
    click.option("-n", "--namespace", metavar="NAME", help="Only those of one namespace.  [all]"),
    click.option("-l", "--labels", metavar="QUERY", help="Label query, such as 'stage=prod, team In (core, web)'."),
    click.option("--limit", type=click.IntRange(min=0), metavar="N", help="At most so many.  [200]"),
    click.option(
        "--order-by", type=click.Choice(["created_at", "name"]), default="created_at", help="Order.  [created_at]"
    ),
    click.option(
        "--asc/--desc", "ascending", default=False, help="Oldest, or first name, on top, or at the end.  [desc]"
    ),
    output_option,
    yatai_url_option,
)
"""What `list` has on all platforms."""

change_options = together(labels_given, plan_options, wait_options, output_option, yatai_url_option)
"""What `deploy` and `update` have on all platforms."""
