"""`bentoml app-files`: the files of an app for platforms that resemble Heroku.

One command for all of them: what can be said in their files is the same, but for the words for regions and sizes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from bentoml.cli.app_files_view import app_options, chosen_app, file_options, server_options, show_files
from bentoml.cli.options import bento_command

if TYPE_CHECKING:
    from pathlib import Path

# The table of them is not imported for the help alone; a test holds the two together.
PLATFORMS = ("heroku", "fly", "render", "digitalocean", "cloud-foundry")


@bento_command("app-files", short_help="Write the files of an app for Heroku, Fly and others.")
@app_options
@click.option("--for", "platform", type=click.Choice(PLATFORMS), required=True, help="Platform.")
@click.option("--region", metavar="NAME", help="Where it runs, in the words of the platform.  [its default]")
@click.option("--size", metavar="NAME", help="Kind of an instance, in the words of the platform.  [its default]")
@click.option("--memory", metavar="QUANTITY", help="Memory of an instance, such as 512Mi or 2Gi; Fly, Cloud Foundry.")
@click.option("--instances", type=click.IntRange(min=0), metavar="N", help="How many there are.  [1]")
@server_options
@click.option(
    "--secret",
    "secrets",
    multiple=True,
    metavar="VARIABLE",
    help="Variable whose value the platform gets in another way; Render, Cloud Foundry; may be given several times.",
)
@file_options
def app_files_command(platform: str, output_dir: Path | None, **options: Any) -> None:
    """Print the file of an app, or write its files; nothing is applied or recorded."""
    from bentoml.deploy.app_platforms import AppOptions, app_plan

    app = chosen_app(options)
    given = {name: value for name, value in options.items() if value is not None}
    show_files(app_plan(app, platform, AppOptions(**given)), output_dir)
