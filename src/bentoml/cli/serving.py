"""`bentoml serve` and `bentoml serve-gunicorn`: the same server, for trying out and for production."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TypeVar

import click

from bentoml.cli.environment_options import isolation_options, taken_isolation
from bentoml.cli.isolation import IsolatableCommand, go_on_isolated
from bentoml.cli.options import bento_argument, pickle_option, verify_option, warn_ignored

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bentoml.cli.command import Verbosity

_SECONDS = click.FloatRange(min=0, min_open=True)

F = TypeVar("F", bound="Callable[..., Any]")


def _parsed_gpus(ctx: click.Context, parameter: click.Parameter, value: str | None) -> tuple[str, ...] | None:  # noqa: ARG001 - as click calls it
    from bentoml.exceptions import InvalidArgument
    from bentoml.server.options.gpus import parse_gpus

    try:
        return None if value is None else parse_gpus(value)
    except InvalidArgument as error:
        raise click.BadParameter(str(error)) from error


def _server_options(function: F) -> F:
    """Add the options that both commands take."""
    options = [
        click.option(
            "-p",
            "--port",
            type=click.IntRange(0, 65535),
            envvar="BENTOML_PORT",
            show_envvar=True,
            help="Port to listen on; 0 takes a free one.  [configured, else 5000]",
        ),
        click.option(
            "-w",
            "--workers",
            type=click.IntRange(min=0),
            envvar="BENTOML_GUNICORN_WORKERS",
            show_envvar=True,
            metavar="N",
            help="Worker processes, each with the model; 0 is one per CPU.  [configured, else 1]",
        ),
        click.option(
            "--gpus",
            callback=_parsed_gpus,
            metavar="LIST",
            help="GPUs, such as 0,1: each worker sees one of them, and there is one for each without --workers.",
        ),
        click.option("--host", metavar="ADDRESS", help="Address to listen on, IPv4 or IPv6.  [0.0.0.0]"),
        click.option("--uds", type=click.Path(), help="Listen on this unix socket instead of a port."),
        click.option("--ssl-certfile", type=click.Path(), help="Certificate chain (PEM); serves HTTPS."),
        click.option("--ssl-keyfile", type=click.Path(), help="Private key of the certificate (PEM)."),
        click.option(
            "--mb-max-batch-size",
            type=click.IntRange(min=1),
            envvar="BENTOML_MB_MAX_BATCH_SIZE",
            show_envvar=True,
            metavar="N",
            help="Most requests in one batch, for every API; 1 turns batching off.",
        ),
        click.option(
            "--mb-max-latency",
            "mb_max_latency_ms",
            type=click.IntRange(min=1),
            envvar="BENTOML_MB_MAX_LATENCY",
            show_envvar=True,
            metavar="MS",
            help="Latency budget of a request in milliseconds, for every API.",
        ),
        click.option(
            "--enable-swagger/--disable-swagger",
            "swagger_enabled",
            default=None,
            envvar="BENTOML_ENABLE_SWAGGER",
            show_envvar=True,
            help="Serve the Swagger pages, or not.  [configured, else enabled]",
        ),
        click.option(
            "--enable-microbatch/--disable-microbatch",
            "microbatch",
            default=None,
            envvar="BENTOML_ENABLE_MICROBATCH",
            show_envvar=True,
            help="Deprecated, ignored.",
        ),
        click.option(
            "--run-with-ngrok",
            is_flag=True,
            envvar="BENTOML_ENABLE_NGROK",
            show_envvar=True,
            help="Deprecated, ignored.",
        ),
        click.option(
            "--grace-s", type=_SECONDS, metavar="S", help="Seconds that a stop waits for answers.  [--timeout]"
        ),
        click.option(
            "--worker-timeout-s",
            type=_SECONDS,
            metavar="S",
            help="Seconds after which a call is taken for hung and its worker replaced.  [--timeout]",
        ),
        click.option(
            "--worker-max-rss-bytes",
            type=click.IntRange(min=1),
            metavar="N",
            help="Replace a worker that has more resident memory.  [configured, else never]",
        ),
        click.option(
            "--worker-max-requests",
            type=click.IntRange(min=1),
            metavar="N",
            help="Replace a worker after about so many requests.  [configured, else never]",
        ),
        click.option(
            "--preload/--no-preload",
            default=None,
            help="Load the model once and fork the workers, which then share its memory.  [configured, else no]",
        ),
        click.option(
            "--reload",
            "watch",
            is_flag=True,
            help="For development: serve a newly saved bundle as soon as it is there. SIGHUP does it once.",
        ),
        isolation_options,
        verify_option,
        pickle_option,
    ]
    for option in reversed(options):
        function = option(function)
    return function


@click.command("serve", cls=IsolatableCommand, short_help="Serve a bundle over HTTP with one worker.")
@bento_argument
@_server_options
@click.pass_obj
def serve_command(verbosity: Verbosity, /, bento: str, yatai_url: str | None, **options: Any) -> None:
    """Serve BENTO (directory, address, NAME:VERSION or NAME@ALIAS) over HTTP with one worker, to try it out."""
    if options["workers"] is None and options["gpus"] is None:
        options["workers"] = 1
    _serve(verbosity, bento, yatai_url, options)


@click.command("serve-gunicorn", cls=IsolatableCommand, short_help="Serve a bundle over HTTP in production.")
@bento_argument
@_server_options
@click.option(
    "--timeout",
    "timeout_s",
    type=click.IntRange(min=1),
    metavar="S",
    help="Seconds for a request that is not batched, and for a worker to answer.  [configured, else 60]",
)
@click.option(
    "--microbatch-workers",
    type=click.IntRange(min=1),
    envvar="BENTOML_MICROBATCH_WORKERS",
    show_envvar=True,
    metavar="N",
    help="Deprecated, ignored.",
)
@click.pass_obj
def serve_gunicorn_command(
    verbosity: Verbosity, /, bento: str, yatai_url: str | None, microbatch_workers: int | None, **options: Any
) -> None:
    """Serve BENTO (directory, address, NAME:VERSION or NAME@ALIAS) over HTTP in production."""
    if microbatch_workers is not None:
        warn_ignored("--microbatch-workers", "one queue feeds all workers, so batches are as full as they can be")
    _serve(verbosity, bento, yatai_url, options)


def _serve(verbosity: Verbosity, bento: str, yatai_url: str | None, options: dict[str, Any]) -> None:
    """Serve until stopped; `options` go to `ServeOptions.from_config` under their own names."""
    isolation = taken_isolation(options, verify=options["verify"])
    if isolation is not None:
        go_on_isolated(click.get_current_context(), verbosity, bento, yatai_url, isolation)
    _warn_deprecated(microbatch=options.pop("microbatch"), ngrok=options.pop("run_with_ngrok"))

    from bentoml.cli.resolving import bundle_path
    from bentoml.saved_bundle import load_bento_service_metadata
    from bentoml.server.options.serve_options import ServeOptions
    from bentoml.server.supervision.reloading import BundleSource
    from bentoml.server.supervision.supervisor import serve
    from bentoml.storage.address import is_address
    from bentoml.yatai.resolve import release_all_but, resolve_bundle_path

    if options["watch"] and is_address(bento):
        raise click.UsageError("--reload looks at directories and tags; to fetch an address again, send SIGHUP")
    path = bundle_path(bento, yatai_url)
    metadata = load_bento_service_metadata(str(path))

    def resolve_next() -> Path:
        from bentoml.deploy.environment import refuse_other_needs

        newest = resolve_bundle_path(bento, yatai_url)
        refuse_other_needs(newest, os.environ)
        return newest

    source = BundleSource(resolve_next, watch=options.pop("watch"), release=release_all_but)
    serve_options = ServeOptions.from_config(path, debug=verbosity.debug, quiet=verbosity.quiet, **options)

    def announce(address: str, management: str | None = None) -> None:
        if verbosity.quiet:
            return
        click.echo(f"* Serving {metadata.name}:{metadata.version} on {address}")
        pages = management or (address if serve_options.uds is None else None)
        if serve_options.swagger_enabled and pages is not None:
            click.echo(f"* Swagger UI: {pages}/docs")
        click.echo("* Press Ctrl-C to stop")

    click.get_current_context().exit(serve(serve_options, announce, source))


def _warn_deprecated(*, microbatch: bool | None, ngrok: bool) -> None:
    if microbatch is not None:
        warn_ignored(
            "--enable-microbatch/--disable-microbatch", "batching is always on; --mb-max-batch-size 1 turns it off"
        )
    if ngrok:
        warn_ignored("--run-with-ngrok", "run a tunnel of your choice beside the server")
