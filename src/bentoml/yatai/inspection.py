"""Compares the catalog with the files: what is missing, damaged, or known to nobody."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from bentoml.exceptions import BentoMLException, NotFound
from bentoml.yatai.content_records import find_tree, known_keys
from bentoml.yatai.models import UploadState
from bentoml.yatai.schema import bentos, blobs
from bentoml.yatai.tree_reading import differences

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from bentoml.yatai.blobs import BlobStore
    from bentoml.yatai.content_store import ContentEntry
    from bentoml.yatai.database import Database


@dataclass(frozen=True)
class Inspection:
    """What was found.

    Attributes:
        bundles: that were looked at.
        contents: that were looked at.
        problems: what is wrong, one line each; empty when all is well.
        unknown: contents that the catalog does not know: of uploads under way, or left for the collector.
        unindexed: bundles of older versions, whose contents are not in the catalog yet.
    """

    bundles: int
    contents: int
    problems: tuple[str, ...]
    unknown: int
    unindexed: int


def inspect(database: Database, store: BlobStore, *, deep: bool = False) -> Inspection:
    """Look at all bundles and contents of a registry; nothing is changed, and others may go on meanwhile.

    Args:
        database: of the catalog.
        store: where the files are.
        deep: read every content, and compare its digest; else names and sizes alone.
    """
    visible = sa.select(bentos).where(bentos.c.deleted == sa.false(), bentos.c.upload_status == UploadState.DONE.name)
    with database.read() as connection:
        if connection is None:
            return Inspection(0, 0, (), 0, 0)
        rows = connection.execute(visible).all()
        known = {row.key: row for row in connection.execute(sa.select(blobs))}
    there = {entry.key: entry for entry in store.contents.entries()}
    found = [(row, text) for row in known.values() for text in _content_problems(store, row, there, deep=deep)]
    problems = [text for row, text in found if _is_still_known(database, row)]
    for row in rows:
        problems += [text for text in _bundle_problems(database, store, row, deep=deep) if _is_visible(database, row)]
    return Inspection(
        bundles=len(rows),
        contents=len(known),
        problems=tuple(problems),
        unknown=len(there.keys() - known.keys()),
        unindexed=sum(row.tree_digest is None for row in rows),
    )


def _content_problems(
    store: BlobStore, row: sa.Row[Any], there: dict[str, ContentEntry], *, deep: bool
) -> Iterator[str]:
    # What was brought after the list was made is asked for by itself.
    entry = there.get(row.key) or store.contents.find(row.key)
    if entry is None:
        yield f"content {row.key} is missing"
    elif entry.size_bytes != row.size_bytes:
        yield f"content {row.key} has {entry.size_bytes} bytes, and not {row.size_bytes}"
    elif deep:
        try:
            digest = _digest(store, row.key)
        except BentoMLException as error:
            yield f"content {row.key} cannot be read: {error}"
        else:
            if digest != row.digest:
                yield f"content {row.key} is damaged: its digest is {digest}"


def _bundle_problems(database: Database, store: BlobStore, row: sa.Row[Any], *, deep: bool) -> Iterator[str]:
    tag = f"{row.name}:{row.version}"
    if row.uri_type != store.uri_type.name:
        yield f"bundle {tag}: its files are in {row.uri}, where yatai.repository does not point any more"
        return
    directory = store.local_path(row.uri)
    if directory is not None and not directory.is_dir():
        yield f"bundle {tag}: {directory} is missing"
        return
    if row.tree_digest is None:
        return
    with database.read() as connection:
        assert connection is not None, "it was there a moment ago"
        try:
            tree = find_tree(connection, row.tree_digest)
        except NotFound:
            yield f"bundle {tag}: its list of files {row.tree_digest} is missing"
            return
        known = known_keys(connection, tree.contents)
    for digest in sorted(tree.contents.keys() - known.keys()):
        yield f"bundle {tag}: the content {digest} is not in the catalog"
    if directory is not None:
        yield from (f"bundle {tag}: {text}" for text in differences(Path(directory), tree, deep=deep))


def _digest(store: BlobStore, key: str) -> str:
    digest = hashlib.sha256()
    with store.contents.open(key) as stream:
        for chunk in stream.chunks:
            digest.update(chunk)
    return f"sha256:{digest.hexdigest()}"


def _is_still_known(database: Database, row: sa.Row[Any]) -> bool:
    """Whether the catalog still says so; a content may have been collected since it was read."""
    with database.read() as connection:
        statement = sa.select(blobs.c.digest).where(blobs.c.key == row.key)
        return connection is not None and connection.execute(statement).first() is not None


def _is_visible(database: Database, row: sa.Row[Any]) -> bool:
    with database.read() as connection:
        statement = sa.select(bentos.c.id).where(bentos.c.id == row.id, bentos.c.deleted == sa.false())
        return connection is not None and connection.execute(statement).first() is not None
