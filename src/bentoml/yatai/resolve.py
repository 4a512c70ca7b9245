"""From what a user types on the command line to the directory of a bundle, which this process then may use.

A bundle of a registry that keeps its files elsewhere is copied to this machine (`checkout_cache`). Nobody removes the
copy while this process lives, unless it says itself that it has no more use for it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bentoml.exceptions import BentoMLException, CLIException, InvalidArgument, NotFound
from bentoml.storage.address import is_address, shown
from bentoml.types import Tag

if TYPE_CHECKING:
    from collections.abc import Collection

    from bentoml.yatai.checkout_cache import HeldCheckout
    from bentoml.yatai.client import Progress
    from bentoml.yatai.models import Bento

_held: dict[str, HeldCheckout] = {}
"""Copies in use, by the digests of their trees."""


def resolve_bundle_path(bento: str, yatai_url: str | None = None, *, progress: Progress | None = None) -> Path:
    """The local directory of a bundle.

    Args:
        bento: an existing directory, `name:version`, `name:latest`, or an address such as `s3://bucket/x.tar.gz`; what
            is fetched from there is removed when the process ends.
        yatai_url: registry to look the tag up in; None for the configured or local one.
        progress: see `get_yatai_client`.

    Returns:
        An absolute path.

    Raises:
        BentoMLException: nothing of that name is known, or its files are missing; `NotFound` for an unknown tag.
    """
    directory = Path(bento).expanduser()
    if bento and directory.is_dir():
        return directory.absolute()
    if is_address(bento):
        from bentoml.saved_bundle.remote import fetch_bundle

        return fetch_bundle(bento)
    return _of_tag(bento, yatai_url, progress).path


def resolve_own_bundle(bento: str, yatai_url: str | None, verb: str) -> Path:
    """The same, for a bundle that is going to be changed, and so must not be a copy of one that is elsewhere.

    Args:
        bento: as above.
        yatai_url: as above.
        verb: what is going to be done with it.

    Raises:
        CLIException: it is a copy.
        BentoMLException: as above.
    """
    if is_address(bento):
        raise CLIException(
            f"{shown(bento)}: {verb} the bundle before it is put there, or retrieve it and {verb} the copy"
        )
    directory = Path(bento).expanduser()
    if bento and directory.is_dir():
        return directory.absolute()
    held = _of_tag(bento, yatai_url)
    if held.is_copy:
        raise CLIException(
            f"{bento} is not on this machine: {verb} the bundle before it is pushed, or retrieve it and {verb} the copy"
        )
    return held.path


def release_all_but(paths: Collection[Path]) -> None:
    """Say that copies are not used any more.

    Args:
        paths: directories of those that are.
    """
    for digest, held in list(_held.items()):
        if held.path not in paths:
            del _held[digest]
            held.release()


def leave_held_to_successor() -> None:
    """Keep all copies for the program that takes the place of this process."""
    for held in _held.values():
        held.leave_to_successor()


def is_held(path: Path) -> bool:
    """Whether a directory is a copy that this process uses."""
    return any(held.path == path for held in _held.values())


def _of_tag(bento: str, yatai_url: str | None, progress: Progress | None = None) -> HeldCheckout:
    from bentoml.yatai.client import get_yatai_client

    try:
        tag = Tag.parse(bento)
    except InvalidArgument as error:
        raise BentoMLException(_no_such_bundle(bento)) from error
    repository = get_yatai_client(yatai_url, progress=progress).repository
    try:
        found = repository.get(tag)
    except NotFound as error:
        raise NotFound(_no_such_bundle(bento, repository.url)) from error
    known = _known(found)
    if known is not None:
        return known
    held = repository.hold(found)
    if held.is_copy:
        key = found.tree_digest or str(held.path)
        if key in _held:
            _held[key].release()
        _held[key] = held
    return held


def _known(found: Bento) -> HeldCheckout | None:
    """The copy that this process uses already; whoever looks for newer bundles asks again and again."""
    held = _held.get(found.tree_digest or "")
    return held if held is not None and held.path.is_dir() else None


def _no_such_bundle(bento: str, url: str | None = None) -> str:
    where = "" if url is None else f" in {url}"
    return (
        f'BentoService "{bento}" not found{where} - either specify the file path of the BentoService saved bundle, '
        'or the BentoService id in the form of "name:version"'
    )
