"""`bentoml containerize`: a bundle becomes an image."""

from __future__ import annotations

import shlex
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bentoml.cli.interruption import sigterm_as_exit
from bentoml.cli.options import bento_argument, bento_command, verify_option
from bentoml.cli.progress import StatusLine
from bentoml.exceptions import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bentoml.cli.command import Verbosity
    from bentoml.deploy.container import BuildSecret, ImageOptions

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


def _parsed_build_args(
    ctx: click.Context,  # noqa: ARG001 - as click calls it
    parameter: click.Parameter,  # noqa: ARG001
    values: tuple[str, ...],
) -> dict[str, str]:
    pairs = {}
    for value in values:
        name, equals, text = value.partition("=")
        if not equals:
            raise click.BadParameter(f"{value!r} has no value; write NAME=VALUE")
        pairs[name] = text
    return pairs


def _parsed_platforms(
    ctx: click.Context,  # noqa: ARG001 - as click calls it
    parameter: click.Parameter,  # noqa: ARG001
    values: tuple[str, ...],
) -> tuple[str, ...]:
    return tuple(dict.fromkeys(platform for value in values for platform in value.split(",")))


def _parsed_secrets(
    ctx: click.Context,  # noqa: ARG001 - as click calls it
    parameter: click.Parameter,  # noqa: ARG001
    values: tuple[str, ...],
) -> tuple[BuildSecret, ...]:
    from bentoml.deploy.container import parse_secret

    try:
        return tuple(map(parse_secret, values))
    except InvalidArgument as error:
        raise click.BadParameter(str(error)) from error


@bento_command("containerize", short_help="Build the image of a bundle.")
@bento_argument
@click.option("-t", "--tag", metavar="NAME[:TAG]", help="Name of the image.  [name of the service:version]")
@click.option("--push", is_flag=True, help="Put the image into the registry that its name says.")
@click.option(
    "--build-arg",
    "build_args",
    multiple=True,
    metavar="NAME=VALUE",
    callback=_parsed_build_args,
    help="Value for an ARG of the Dockerfile; may be given several times.",
)
@click.option(
    "--platform",
    "platforms",
    multiple=True,
    metavar="OS/ARCH",
    callback=_parsed_platforms,
    help="Platform of the image, such as linux/arm64; several make one index of images.",
)
@click.option("--output", "archive", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="Also write the image to this file, as an OCI archive.")  # fmt: skip
@click.option("--pip-config", type=_FILE, metavar="FILE", help="A pip.conf that only the build sees.")
@click.option("--netrc", type=_FILE, metavar="FILE", help="A netrc file that only the build sees.")
@click.option(
    "--secret",
    "secrets",
    multiple=True,
    metavar="id=NAME,src=FILE|env=VAR",
    callback=_parsed_secrets,
    help="Variable NAME for pip, conda and setup.sh while the image is built; may be given several times.",
)
@click.option(
    "--engine",
    envvar="BENTOML_CONTAINER_ENGINE",
    show_envvar=True,
    metavar="NAME",
    help="docker, podman or buildah.  [the first of them that is there]",
)
@click.option("--dry-run", is_flag=True, help="Write what the image is built from, print the commands, build nothing.")
@click.option(
    "--context-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default="image-context",
    show_default=True,
    help="Where --dry-run writes to.",
)
@verify_option
@click.pass_obj
def containerize_command(  # noqa: PLR0913, PLR0917 - one per option
    verbosity: Verbosity,
    bento: str,
    yatai_url: str | None,
    tag: str | None,
    push: bool,
    build_args: dict[str, str],
    platforms: tuple[str, ...],
    archive: Path | None,
    pip_config: Path | None,
    netrc: Path | None,
    secrets: tuple[BuildSecret, ...],
    engine: str | None,
    dry_run: bool,
    context_dir: Path,
    verify: bool,
) -> None:
    """Build the image of BENTO (directory, address, NAME:VERSION or NAME@ALIAS) with docker, podman or buildah.

    What the engine prints goes to stderr while it builds: to one line of a terminal, all of it with --verbose.
    """
    from bentoml.cli.resolving import bundle_path
    from bentoml.deploy.container import ImageOptions
    from bentoml.saved_bundle.loader import load_saved_bundle_config

    path = bundle_path(bento, yatai_url)
    options = ImageOptions(tag, push, build_args, platforms, archive, pip_config, netrc, verify, secrets)
    manifest = load_saved_bundle_config(path)
    if not verbosity.quiet:
        click.echo(f"Found Bento: {path}")
    if dry_run:
        _show_plan(path, options, engine, context_dir)
        return
    if not verbosity.quiet:
        click.echo(
            f"Containerizing {manifest.service_name}:{manifest.service_version} with {_service(path, yatai_url)} and "
            "docker daemon from local environment"
        )
    _build(path, options, engine, verbosity)


def _service(path: Path, yatai_url: str | None) -> str:
    """Where the bundle comes from; the image is built here, wherever that is."""
    from bentoml.yatai.client import get_yatai_client
    from bentoml.yatai.resolve import is_held

    url = get_yatai_client(yatai_url).repository.url if is_held(path) else None
    return "local YataiService" if url is None else f"YataiService at {url}"


def _build(path: Path, options: ImageOptions, engine: str | None, verbosity: Verbosity) -> None:
    from bentoml.deploy.container import choose_engine, containerize

    began_s = time.monotonic()
    program = choose_engine(engine).name
    with sigterm_as_exit(), _shown_lines(verbosity) as show:
        name = containerize(path, options, engine=program, on_line=show)
    click.echo(f"Build container image: {name}")
    if not verbosity.quiet:
        _say_what_was_built(program, name, time.monotonic() - began_s, is_elsewhere=options.push)


@contextmanager
def _shown_lines(verbosity: Verbosity) -> Iterator[Callable[[str], None] | None]:
    """What takes the engine's lines: one line of a terminal, which is empty again afterwards, else all of stderr."""
    if verbosity.quiet:
        yield None
    elif verbosity.debug or not sys.stderr.isatty():
        yield lambda line: click.echo(line, err=True)
    else:
        status = StatusLine(sys.stderr)
        try:
            yield status.show
        finally:
            status.close()


def _say_what_was_built(engine: str, name: str, seconds: float, *, is_elsewhere: bool) -> None:
    from bentoml.deploy.container import image_facts, run_command

    facts = image_facts(engine, name)
    size = [] if facts is None or facts.size_bytes is None else [f"{facts.size_bytes / 1e6:,.0f} MB"]
    digest = [] if facts is None else [facts.digest]
    text = ", ".join([*size, *digest, f"built in {seconds:.0f} s"])
    if facts is not None or is_elsewhere:
        text += f"; run it with: {shlex.join(run_command(engine, name))}"
    click.echo(text, err=True)


def _show_plan(path: Path, options: ImageOptions, engine: str | None, context_dir: Path) -> None:
    from bentoml.deploy.container import plan_image

    for command in plan_image(path, context_dir, options, engine=engine).commands:
        variables = [f"{name}={value}" for name, value in command.env.items()]
        click.echo(shlex.join([*variables, *command.argv]))
