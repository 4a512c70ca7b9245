"""`bentoml retrieve`: copy a bundle out of the repository, or fetch one from an address."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bentoml.cli.options import bento_command, verify_option, yatai_url_option
from bentoml.cli.progress import transfer_line
from bentoml.exceptions import CLIException
from bentoml.types import Tag

if TYPE_CHECKING:
    from bentoml.cli.command import Verbosity
    from bentoml.yatai.repository import BentoRepository


@bento_command("retrieve", short_help="Copy a bundle into a directory.")
@click.argument("bento", metavar="BENTO")
@click.option(
    "--target_dir",
    "--target-dir",
    "target_dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=".",
    help="Where the files of the bundle go; it is made if needed.  [current directory]",
)
@yatai_url_option
@verify_option
@click.pass_obj
def retrieve_command(verbosity: Verbosity, bento: str, target_dir: Path, yatai_url: str | None, verify: bool) -> None:
    """Copy BENTO (NAME:VERSION, NAME:latest, NAME@ALIAS or an address) into a directory; no file there is replaced."""
    from bentoml.storage.address import is_address
    from bentoml.yatai.client import get_yatai_client

    if is_address(bento):
        tag = _fetch(bento, target_dir, verify=verify)
    elif Tag.is_written(bento):
        with transfer_line(f"Loading {bento}", quiet=verbosity.quiet) as progress:
            repository = get_yatai_client(yatai_url, progress=progress).repository
            tag = _copy(bento, target_dir, repository, verify=verify)
    else:
        raise CLIException(f"BentoService {bento} invalid - specify name:version")
    click.echo(f"Save {tag} artifact to directory {target_dir.resolve()}")


def _copy(bento: str, target_dir: Path, repository: BentoRepository, *, verify: bool) -> str:
    """Copy a bundle out of the repository; its tag."""
    from bentoml.saved_bundle.signing import checked_manifest

    found = repository.get(bento)
    with repository.reading(found) as files:
        checked_manifest(files, verify=verify)
    is_new = not target_dir.exists()
    target_dir.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(dir=target_dir, prefix=".bentoml-retrieve-") as staging:
            copy = Path(staging) / "bundle"
            repository.download_to_directory(found, str(copy))
            # The original may have changed while it was copied.
            checked_manifest(copy, verify=verify)
            _move_entries(copy, target_dir)
    except BaseException:
        if is_new:
            with suppress(OSError):
                target_dir.rmdir()
        raise
    return f"{found.name}:{found.version}"


def _fetch(address: str, target_dir: Path, *, verify: bool) -> str:
    """Fetch a bundle from an address; its tag."""
    from bentoml.saved_bundle.remote import borrowed_bundle
    from bentoml.saved_bundle.signing import checked_manifest

    with borrowed_bundle(address) as bundle:
        manifest = checked_manifest(bundle.path, verify=verify)
        target_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target_dir, prefix=".bentoml-retrieve-") as staging:
            copy = Path(staging) / "bundle"
            shutil.copytree(bundle.path, copy)
            _move_entries(copy, target_dir)
    return f"{manifest.service_name}:{manifest.service_version}"


def _move_entries(source: Path, target: Path) -> None:
    """Move everything in `source` into `target`, or nothing if a name is taken there."""
    entries = sorted(source.iterdir())
    taken = [entry.name for entry in entries if (target / entry.name).exists()]
    if taken:
        raise CLIException(
            f"{target.resolve()} already has {', '.join(taken)}; choose another directory with --target_dir"
        )
    for entry in entries:
        entry.rename(target / entry.name)
