"""`bentoml label`, `bentoml alias` and `bentoml restore`: change what is written on saved bundles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from bentoml.cli.options import bento_command, yatai_url_option
from bentoml.cli.plain_table import plain_table
from bentoml.types import Tag

if TYPE_CHECKING:
    from datetime import datetime

    from bentoml.yatai.models import Bento
    from bentoml.yatai.repository import BentoRepository


@bento_command("label", short_help="Show or change the labels of a saved bundle.")
@click.argument("bento", metavar="NAME:VERSION")
@click.argument("changes", metavar="[KEY=VALUE | KEY-]...", nargs=-1)
@click.option("--replace", is_flag=True, help="Remove all labels that are not named.")
@yatai_url_option
def label_command(bento: str, changes: tuple[str, ...], replace: bool, yatai_url: str | None) -> None:
    """Show the labels of a saved bundle; KEY=VALUE sets one, KEY- removes one, the others stay."""
    changed, removed = _split(changes)
    if replace and removed:
        raise click.UsageError("--replace removes what is not named; leave out KEY-.")
    repository = _repository(yatai_url)
    if replace:
        found = repository.set_labels(bento, changed)
    elif changes:
        found = repository.change_labels(bento, changed, removed)
    else:
        found = repository.get(bento)
    _print_labels(found)


@bento_command("alias", short_help="Show, set or remove names for versions, such as NAME@production.")
@click.argument("bento", metavar="[NAME | NAME:VERSION | NAME@ALIAS]", required=False)
@click.argument("alias", metavar="[ALIAS]", required=False)
@click.option("--remove", is_flag=True, help="Forget NAME@ALIAS.")
@click.option("--history", is_flag=True, help="What the aliases stood for, newest first.")
@yatai_url_option
def alias_command(bento: str | None, alias: str | None, remove: bool, history: bool, yatai_url: str | None) -> None:
    """Let NAME@ALIAS mean NAME:VERSION (or NAME:latest, or what another alias means); without ALIAS, list aliases."""
    if [alias is not None, remove, history].count(True) > 1:
        raise click.UsageError("Give an alias to set, or --remove, or --history.")
    named = Tag.parse(bento).alias if bento is not None and Tag.is_written(bento) else None
    name = bento.partition("@")[0] if bento is not None else None
    if remove:
        if bento is None or name is None or named is None:
            raise click.UsageError("Say which alias to remove: NAME@ALIAS.")
        _repository(yatai_url).remove_alias(name, named)
        click.echo(f"{bento} is removed")
    elif alias is not None:
        assert bento is not None  # the first argument comes before the second
        found = _repository(yatai_url).set_alias(bento, alias)
        click.echo(f"{found.name}@{found.alias} is {found.name}:{found.version}")
    elif history:
        if name is None:
            raise click.UsageError("Say whose history: NAME or NAME@ALIAS.")
        _print_history(_repository(yatai_url), name, named)
    else:
        _print_aliases(_repository(yatai_url), name, named)


@bento_command("restore", short_help="Bring deleted bundles back.")
@click.argument("targets", metavar="NAME:VERSION...", nargs=-1, required=True)
@yatai_url_option
def restore_command(targets: tuple[str, ...], yatai_url: str | None) -> None:
    """Bring deleted bundles back, as long as they are not purged; `bentoml list --deleted` shows them."""
    repository = _repository(yatai_url)
    for target in targets:
        click.echo(f"{repository.restore(target).tag} is restored")


def _repository(yatai_url: str | None) -> BentoRepository:
    from bentoml.yatai.client import get_yatai_client

    return get_yatai_client(yatai_url).repository


def _split(changes: tuple[str, ...]) -> tuple[dict[str, str], list[str]]:
    """The labels to set, and the keys of those to remove."""
    changed: dict[str, str] = {}
    removed: list[str] = []
    for change in changes:
        key, equals, value = change.partition("=")
        if equals:
            changed[key] = value
        elif change.endswith("-"):
            removed.append(change[:-1])
        else:
            raise click.BadParameter(f"{change!r} is neither KEY=VALUE nor KEY-.", param_hint="CHANGES")
    both = sorted(changed.keys() & set(removed))
    if both:
        raise click.BadParameter(f"{', '.join(both)} cannot be set and removed at once.", param_hint="CHANGES")
    return changed, removed


def _print_labels(bento: Bento) -> None:
    for key, value in sorted(bento.bento_service_metadata.labels.items()):
        click.echo(f"{key}={value}")


def _print_aliases(repository: BentoRepository, name: str | None, alias: str | None) -> None:
    rows = [
        (f"{found.name}@{found.alias}", f"{found.name}:{found.version}", _minute(found.updated_at), found.updated_by)
        for found in repository.aliases(name)
        if alias in {None, found.alias}
    ]
    click.echo(plain_table(("ALIAS", "BENTO_SERVICE", "SINCE", "BY"), rows))


def _print_history(repository: BentoRepository, name: str, alias: str | None) -> None:
    rows = [
        (f"{change.name}@{change.alias}", change.version or "(removed)", _minute(change.changed_at), change.changed_by)
        for change in repository.alias_history(name, alias)
    ]
    click.echo(plain_table(("ALIAS", "VERSION", "AT", "BY"), rows))


def _minute(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"
