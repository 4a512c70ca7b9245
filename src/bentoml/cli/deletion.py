"""`bentoml delete`: remove bundles from the repository, after asking."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import click

from bentoml.cli.options import bento_command, labels_option, yatai_url_option
from bentoml.types import Tag

if TYPE_CHECKING:
    from bentoml.yatai.repository import BentoRepository

BAD_TARGET = (
    'Bad formatting. Please present a valid bento bundle name or "name:version" tag. For several targets, '
    'separate them by commas, for example: "my_service:v1,my_service:v2,classifier"'
)


class DeletionRequest(NamedTuple):
    """One question to the user and one call of the repository."""

    subject: str
    """What the user is asked about."""
    tag: str | None = None
    name: str | None = None
    labels: str | None = None
    everything: bool = False


@bento_command("delete", short_help="Delete saved bundles.")
@click.argument("targets", metavar="[NAME | NAME:VERSION][,...]", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Delete every bundle of the repository.")
@labels_option
@click.option("--purge", is_flag=True, help="For good, with what was deleted before; else `restore` can undo it.")
@click.option("--force", is_flag=True, help="Also what an alias stands for, which goes, too, or what is deployed.")
@click.option("-y", "--yes", "--assume-yes", "assume_yes", is_flag=True, help="Do not ask.")
@yatai_url_option
def delete_command(
    targets: tuple[str, ...],
    everything: bool,
    labels: str | None,
    purge: bool,
    force: bool,
    assume_yes: bool,
    yatai_url: str | None,
) -> None:
    """Delete saved bundles: versions (NAME:VERSION), all versions of a NAME, those with labels, or all."""
    requests = _plan(targets, everything=everything, labels=labels)

    from bentoml.yatai.client import get_yatai_client

    repository = get_yatai_client(yatai_url).repository
    # Others miss what goes from the registry of a team.
    where = "" if repository.url is None else f" from {repository.url}"
    for request in [_with_real_version(request, repository) for request in requests]:
        # The question goes to stderr: stdout stays free for whoever reads it.
        if assume_yes or click.confirm(f"Permanently delete {request.subject}{where}?", err=True):
            repository.delete(
                bento_tag=request.tag,
                bento_name=request.name,
                labels=request.labels,
                prune=request.everything,
                force=force,
                purge=purge,
            )


def _plan(targets: tuple[str, ...], *, everything: bool, labels: str | None) -> list[DeletionRequest]:
    """Check all that was asked for before anything is deleted."""
    names = _split(targets)
    if everything and (names or labels is not None):
        raise click.UsageError("--all cannot be combined with targets or --labels.")
    if everything:
        return [DeletionRequest("all bundles", everything=True)]
    if not names and labels is None:
        raise click.UsageError("Nothing to delete: give a target, --labels or --all.")
    if not names:
        return [DeletionRequest(f"all bundles with labels {labels}", labels=labels)]
    if labels is None:
        return [
            DeletionRequest(name, tag=name) if Tag.is_written(name) else DeletionRequest(name, name=name)
            for name in names
        ]
    if any(Tag.is_written(name) for name in names):
        raise click.UsageError("--labels selects versions: give names without a version with it.")
    return [DeletionRequest(f"{name} with labels {labels}", name=name, labels=labels) for name in names]


def _with_real_version(request: DeletionRequest, repository: BentoRepository) -> DeletionRequest:
    """Replace `latest` and aliases, so that the version that was asked about is deleted, whatever happens meanwhile."""
    if request.tag is None or Tag.parse(request.tag).is_exact:
        return request
    tag = str(repository.get(request.tag).tag)
    return request._replace(subject=tag, tag=tag)


def _split(targets: tuple[str, ...]) -> list[str]:
    names = [name.strip() for target in targets for name in target.split(",")]
    for name in names:
        parts = name.split(":" if ":" in name else "@")
        if len(parts) > 2 or not all(parts):
            raise click.BadParameter(BAD_TARGET, param_hint="TARGETS")
    return list(dict.fromkeys(names))
