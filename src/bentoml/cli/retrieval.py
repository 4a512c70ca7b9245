"""`bentoml retrieve`: copy a bundle out of the repository."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from bentoml.cli.options import bento_command, verify_option, yatai_url_option
from bentoml.exceptions import CLIException


@bento_command("retrieve", short_help="Copy a saved bundle into a directory.")
@click.argument("bento", metavar="NAME:VERSION")
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
def retrieve_command(bento: str, target_dir: Path, yatai_url: str | None, verify: bool) -> None:
    """Copy a saved bundle (NAME:VERSION or NAME:latest) into a directory. Existing files are never replaced."""
    if ":" not in bento:
        raise CLIException(f"BentoService {bento} invalid - specify name:version")

    from bentoml.saved_bundle.signing import checked_manifest
    from bentoml.yatai.client import get_yatai_client

    repository = get_yatai_client(yatai_url).repository
    found = repository.get(bento)
    with repository.reading(found) as files:
        checked_manifest(files, verify=verify)
    if not target_dir.exists():
        repository.download_to_directory(found, str(target_dir))
    else:
        with tempfile.TemporaryDirectory(dir=target_dir, prefix=".bentoml-retrieve-") as staging:
            copy = Path(staging) / "bundle"
            repository.download_to_directory(found, str(copy))
            _move_entries(copy, target_dir)
    click.echo(f"Save {found.name}:{found.version} artifact to directory {target_dir.resolve()}")


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
