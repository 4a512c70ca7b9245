"""`bentoml cloud-run`: the file of a service on Google Cloud Run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from bentoml.cli.app_files_view import app_options, chosen_app, file_options, server_options, show_files
from bentoml.cli.deployment_options import together
from bentoml.cli.lazy_group import CommandEntry, LazyGroup
from bentoml.cli.option_kinds import number, pairs, text
from bentoml.cli.options import bento_command

if TYPE_CHECKING:
    from pathlib import Path

COMMANDS = (
    CommandEntry("manifests", "bentoml.cli.cloud_run:manifests_command", "Print or write the file of a service."),
)


# They are called as the options of `gcloud run deploy`, which most who come here know.
_run_options = together(
    text("region", "NAME", "Where it runs, such as europe-west1.  [left to gcloud]"),
    number("cpu", "Cores of an instance: 1, 2, 4, 6 or 8.  [1]"),
    text("memory", "QUANTITY", "Memory of an instance, such as 512Mi or 2Gi.  [1Gi]"),
    number("min-instances", "Instances that always run.  [0]", least=0),
    number("max-instances", "Most instances.  [10]"),
    number("concurrency", "Requests that an instance gets at a time.  [as the APIs need it]"),
    number("timeout", "Time for an answer.  [as the APIs need it]", field="timeout_s", metavar="SECONDS"),
    click.option(
        "--cpu-throttling/--no-cpu-throttling",
        default=None,
        help="Give an instance its cores only while it has requests, or always.  [only then]",
    ),
    text("gpu-type", "TYPE", "Have one GPU of this type: nvidia-l4.  [none]"),
    text("ingress", "WHO", "all, internal, or internal-and-cloud-load-balancing.  [all]"),
    text("service-account", "ADDRESS", "Account that it runs as.  [the default one]"),
    pairs("secret", "VARIABLE=SECRET[:VERSION]", "Variable out of Secret Manager", "secrets"),
)


@click.group(name="cloud-run", cls=LazyGroup, entries=COMMANDS, short_help="Write the file of a service on Cloud Run.")
def cloud_run_command() -> None:
    """Write the file of a service on Google Cloud Run, which gcloud applies; nothing is recorded."""


@bento_command("manifests", short_help="Print or write the file of a service.")
@app_options
@_run_options
@server_options
@file_options
def manifests_command(output_dir: Path | None, **options: Any) -> None:
    """Print the file of a service, for `gcloud run services replace`, or write it; nothing is applied or recorded."""
    from bentoml.deploy.app_platforms import CloudRunOptions, cloud_run_plan

    app = chosen_app(options)
    given = {name: value for name, value in options.items() if value is not None}
    show_files(cloud_run_plan(app, CloudRunOptions(**given)), output_dir)
