"""What the commands share that make files for platforms which apply these themselves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bentoml.cli.deployment_actions import open_registry
from bentoml.cli.deployment_options import together
from bentoml.cli.option_kinds import number, pairs
from bentoml.cli.options import yatai_url_option
from bentoml.types import Tag

if TYPE_CHECKING:
    from bentoml.deploy.app_platforms import App
    from bentoml.deploy.plans import Plan

app_options = together(
    click.argument("name"),
    click.option(
        "-b", "--bento", "--bento-service-bundle", "bento", required=True, metavar="NAME:VERSION", help="Bundle."
    ),
    click.option(
        "--image",
        required=True,
        metavar="NAME[:TAG]",
        help="Image, which the platform can pull; its tag is by default the version.",
    ),
)
"""What runs: the name on the platform, the bundle and its image."""

server_options = together(
    number("workers", "Worker processes of an instance, each with a copy of the model.  [1]"),
    pairs("env", "NAME=VALUE", "Variable of the server, which stands in the file"),
)

file_options = together(
    click.option(
        "--output-dir",
        type=click.Path(file_okay=False, path_type=Path),
        metavar="DIR",
        help="Write to a new directory instead of printing.",
    ),
    yatai_url_option,
)


def chosen_app(options: dict[str, Any]) -> App:
    """The app that the common options say, which are taken out of all options of a command.

    Raises:
        NotFound: there is no such bundle.
    """
    from bentoml.deploy.app_platforms import app_of

    name, bento, image, yatai_url = (options.pop(each) for each in ("name", "bento", "image", "yatai_url"))
    found = open_registry(yatai_url).find(Tag.parse(bento))
    return app_of(name, image, found.bento_service_metadata)


def show_files(plan: Plan, output_dir: Path | None) -> None:
    """Print the one file of a plan, or write all; notes go to stderr.

    Raises:
        UsageError: there are several files, and no directory for them.
    """
    from bentoml.deploy.plans import write_plan

    if output_dir is not None:
        write_plan(plan, output_dir)
    elif len(plan.files) > 1:
        raise click.UsageError(f"{' and '.join(plan.files)} are files of one directory: give --output-dir")
    else:
        click.echo("".join(plan.files.values()), nl=False)
    for note in plan.notes:
        click.echo(f"Note: {note}", err=True)
