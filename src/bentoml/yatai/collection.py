"""Removes contents that no bundle needs any more.

A content is needed as long as a tree names it that belongs to a record which is not purged, or to an open upload. What
is needed is found out first, without keeping anybody waiting; then one transaction, in which nobody else writes, looks
again at what has come in the meantime, and takes the rest out of the catalog. Only after that the bytes go: their keys
are used once, so nobody can have begun to use them again. Whoever has seen one of the contents a moment before finds
out when registering, see `content_records`, and brings it again.

Bytes that the catalog does not know are of uploads under way, or of processes that were killed; they go when they are
old enough not to be the former.
"""

from __future__ import annotations

import json
import logging
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from bentoml.yatai.content_records import known_keys
from bentoml.yatai.models import utc_now
from bentoml.yatai.schema import bentos, blobs, trees, uploads
from bentoml.yatai.store_claim import refuse_foreign

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from datetime import datetime

    from sqlalchemy.engine import Connection

    from bentoml.yatai.content_store import ContentEntry, ContentStore
    from bentoml.yatai.database import Database

logger = logging.getLogger(__name__)

# Longer than anybody takes from bringing a content to registering it.
ORPHAN_GRACE = timedelta(hours=24)
# Trees that are read in well below a second.
_QUICK_TREES = 2000
_AT_ONCE = 500
_DELETED_AT_ONCE = 16
_SHA256 = re.compile(r'"sha256": ?"([0-9a-f]{64})"')


@dataclass(frozen=True)
class CollectionReport:
    """What was removed, or would be.

    Attributes:
        contents: that no bundle needs.
        content_bytes: their size.
        orphans: that the catalog does not know.
        orphan_bytes: their size.
        trees: lists of files that no bundle has.
        uploads: that did not go on.
    """

    contents: int = 0
    content_bytes: int = 0
    orphans: int = 0
    orphan_bytes: int = 0
    trees: int = 0
    uploads: int = 0


@dataclass(frozen=True)
class _Needed:
    """Trees that are needed, and the contents they name; both as digests."""

    trees: frozenset[str]
    contents: frozenset[str]


class Collector:
    """Collects what one catalog and one store do not need.

    Args:
        database: of the catalog.
        contents: the store.
        clock: gives the current time.
    """

    def __init__(self, database: Database, contents: ContentStore, clock: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._contents = contents
        self._clock = clock

    def collect(self, orphan_grace: timedelta = ORPHAN_GRACE, *, dry_run: bool = False) -> CollectionReport:
        """Remove what nobody needs; others may save, delete and restore meanwhile.

        Args:
            orphan_grace: how old bytes must be that the catalog does not know.
            dry_run: remove nothing, only say what would be.

        Raises:
            YataiRepositoryException: the store belongs to another catalog.
        """
        refuse_foreign(self._database, self._contents)
        orphans = self._orphans(orphan_grace)
        with self._database.read() as connection:
            if connection is None:
                return CollectionReport()
            needed = self._mark(connection, None)
            unneeded = _unneeded(connection, needed)
        if dry_run:
            return _report(unneeded, orphans, 0, 0)
        with self._database.write(durable=True) as connection:
            gone_uploads = connection.execute(sa.delete(uploads).where(uploads.c.expires_at <= self._clock())).rowcount
            needed = self._mark(connection, needed)
            unneeded = {key: about for key, about in unneeded.items() if about[0] not in needed.contents}
            _delete(connection, blobs.c.key, unneeded)
            known = {tree for (tree,) in connection.execute(sa.select(trees.c.digest))}
            _delete(connection, trees.c.digest, known - needed.trees)
            orphans = _still_unknown(connection, orphans)
        # What is left now when the process is killed is an orphan, for the next time.
        self._delete([*unneeded, *(entry.key for entry in orphans)])
        return _report(unneeded, orphans, len(known - needed.trees), gone_uploads)

    def collect_if_quick(self) -> None:
        """Remove contents that nobody needs where the catalog is small; in a large one that is left to `collect`."""
        with self._database.read() as connection:
            statement = sa.select(sa.func.count()).select_from(trees)
            count = 0 if connection is None else connection.execute(statement).scalar_one()
        if count <= _QUICK_TREES:
            self.collect()
        else:
            logger.debug("the contents of purged bundles are left to: bentoml yatai gc")

    def _delete(self, keys: Collection[str]) -> None:
        if not self._contents.is_remote:
            for key in keys:
                self._contents.delete(key)
            return
        with ThreadPoolExecutor(_DELETED_AT_ONCE) as pool:
            for _ in pool.map(self._contents.delete, keys):
                pass

    def _orphans(self, grace: timedelta) -> list[ContentEntry]:
        """What the catalog does not know and is old; listed before the catalog is asked.

        What a bundle shares, and what this catalog knows under no key, stays: another catalog may know it that uses
        the same directory.
        """
        oldest = self._clock() - grace
        old = [entry for entry in self._contents.entries() if entry.modified_at <= oldest]
        with self._database.read() as connection:
            unknown = old if connection is None else _still_unknown(connection, old)
            shared = {_digest_of(entry.key) for entry in unknown if entry.is_shared}
            known = {} if connection is None else known_keys(connection, shared)
        return [entry for entry in unknown if not entry.is_shared or _digest_of(entry.key) in known]

    def _mark(self, connection: Connection, before: _Needed | None) -> _Needed:
        """What is needed now; of trees that were needed `before` the contents are known."""
        statement = sa.select(bentos.c.tree_digest).where(
            bentos.c.tree_digest.is_not(None), sa.not_(sa.and_(bentos.c.deleted, bentos.c.purged))
        )
        found = set(connection.execute(statement.distinct()).scalars())
        contents: set[str] = set() if before is None else set(before.contents)
        for digest in _contents_of(connection, found - (before.trees if before else frozenset())):
            contents.add(digest)
        opened = sa.select(uploads.c.tree_digest, uploads.c.document).where(uploads.c.expires_at > self._clock())
        for tree_digest, document in connection.execute(opened):
            found.add(tree_digest)
            contents.update(_digests(json.dumps(document)))
        return _Needed(frozenset(found), frozenset(contents))


def _digest_of(key: str) -> str:
    return f"sha256:{key.partition('.')[0]}"


def _contents_of(connection: Connection, tree_digests: Collection[str]) -> Iterator[str]:
    for some in _portions(tree_digests):
        for (document,) in connection.execute(sa.select(trees.c.document).where(trees.c.digest.in_(some))):
            yield from _digests(document)


def _digests(document: str) -> Iterator[str]:
    # Paths cannot look like this: a quotation mark in one is written as \".
    return (f"sha256:{digits}" for digits in _SHA256.findall(document))


def _unneeded(connection: Connection, needed: _Needed) -> dict[str, tuple[str, int]]:
    """Digest and size in bytes by key, of contents that are in the catalog and not needed."""
    rows = connection.execute(sa.select(blobs.c.key, blobs.c.digest, blobs.c.size_bytes))
    return {key: (digest, size_bytes) for key, digest, size_bytes in rows if digest not in needed.contents}


def _still_unknown(connection: Connection, entries: list[ContentEntry]) -> list[ContentEntry]:
    known: set[str] = set()
    for some in _portions([entry.key for entry in entries]):
        known.update(connection.execute(sa.select(blobs.c.key).where(blobs.c.key.in_(some))).scalars())
    return [entry for entry in entries if entry.key not in known]


def _delete(connection: Connection, column: sa.Column[str], values: Collection[str]) -> None:
    for some in _portions(values):
        connection.execute(sa.delete(column.table).where(column.in_(some)))


def _portions(values: Collection[str]) -> Iterator[list[str]]:
    ordered = sorted(values)
    for start in range(0, len(ordered), _AT_ONCE):
        yield ordered[start : start + _AT_ONCE]


def _report(
    unneeded: dict[str, tuple[str, int]], orphans: list[ContentEntry], gone_trees: int, gone_uploads: int
) -> CollectionReport:
    return CollectionReport(
        contents=len(unneeded),
        content_bytes=sum(size_bytes for _, size_bytes in unneeded.values()),
        orphans=len(orphans),
        orphan_bytes=sum(entry.size_bytes for entry in orphans),
        trees=gone_trees,
        uploads=gone_uploads,
    )
