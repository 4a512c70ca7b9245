"""From what a user types on the command line to the directory of a bundle."""

from __future__ import annotations

from pathlib import Path

from bentoml.exceptions import BentoMLException, InvalidArgument, NotFound
from bentoml.storage.address import is_address
from bentoml.types import Tag
from bentoml.yatai.registered_files import refuse_other_bundle


def resolve_bundle_path(bento: str, yatai_url: str | None = None) -> Path:
    """The local directory of a bundle.

    Args:
        bento: an existing directory, `name:version`, `name:latest`, or an address such as `s3://bucket/x.tar.gz`; what
            is fetched from there is removed when the process ends.
        yatai_url: registry to look the tag up in; None for the configured or local one.

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
    try:
        tag = Tag.parse(bento)
    except InvalidArgument as error:
        raise BentoMLException(_no_such_bundle(bento)) from error
    return _registered_path(bento, tag, yatai_url)


def _registered_path(bento: str, tag: Tag, yatai_url: str | None) -> Path:
    from bentoml.yatai.client import get_yatai_client

    try:
        found = get_yatai_client(yatai_url).repository.get(tag)
    except NotFound as error:
        raise NotFound(_no_such_bundle(bento)) from error
    path = Path(found.uri.uri)
    if not path.is_dir():
        raise BentoMLException(
            f"The files of {found.tag} are missing: {path} is not a directory. Restore it, or remove the record with: "
            f"bentoml delete {found.tag}"
        )
    refuse_other_bundle(found, path)
    return path


def _no_such_bundle(bento: str) -> str:
    return (
        f'BentoService "{bento}" not found - either specify the file path of the BentoService saved bundle, '
        'or the BentoService id in the form of "name:version"'
    )
