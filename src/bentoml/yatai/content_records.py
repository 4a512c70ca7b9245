"""What the catalog knows about trees and contents: functions for use inside a transaction of somebody else.

A content is kept as long as a tree names it that belongs to a record which is not purged, or to an open upload. Who
uses a content that is there already does not hold it: `record_tree`, in the transaction that makes the record, tells
which contents have been collected in the meantime, so that they are brought again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from bentoml.exceptions import NotFound
from bentoml.yatai.bundle_tree import BundleTree, TreeLimits
from bentoml.yatai.schema import bentos, blobs, trees

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from datetime import datetime

    from sqlalchemy.engine import Connection

# Below the number of parameters that any SQLite takes.
_AT_ONCE = 500
# What the catalog holds has been checked before.
_ANY = TreeLimits(max_files=1 << 31, max_size_bytes=1 << 62, max_depth=1 << 10, max_document_bytes=1 << 40)


class ContentsGoneError(Exception):
    """Contents of a tree are not in the catalog, or no longer under the key that was seen.

    Attributes:
        digests: of these contents.
    """

    def __init__(self, digests: Collection[str]) -> None:
        super().__init__(f"{len(digests)} contents are not in the catalog")
        self.digests = frozenset(digests)


def known_keys(connection: Connection, digests: Collection[str]) -> dict[str, str]:
    """The keys of those contents that the catalog has, by digest."""
    found: dict[str, str] = {}
    for some in _portions(digests):
        statement = sa.select(blobs.c.digest, blobs.c.key).where(blobs.c.digest.in_(some))
        found.update((digest, key) for digest, key in connection.execute(statement))
    return found


def record_contents(
    connection: Connection,
    sizes: Mapping[str, int],
    keys: Mapping[str, str],
    now: datetime,
    broken: Mapping[str, str] | None = None,
) -> None:
    """Enter contents that have been brought.

    A content that is known already keeps its key, and what was brought is for nobody: it is collected later.

    Args:
        connection: in a transaction that writes.
        sizes: size in bytes by digest, of all contents in `keys`.
        keys: new key by digest.
        now: the time.
        broken: keys by digest under which a content was found to be missing or damaged; new ones take their places.
    """
    for digest, key in (broken or {}).items():
        if digest in keys:
            statement = sa.update(blobs).where(blobs.c.digest == digest, blobs.c.key == key)
            connection.execute(statement.values(key=keys[digest], size_bytes=sizes[digest], created_at=now))
    known = known_keys(connection, keys)
    rows = [
        {"digest": digest, "key": key, "size_bytes": sizes[digest], "created_at": now}
        for digest, key in keys.items()
        if digest not in known
    ]
    if rows:
        connection.execute(sa.insert(blobs), rows)


def record_tree(connection: Connection, tree: BundleTree, now: datetime) -> None:
    """Enter a tree, all contents of which are known.

    Raises:
        ContentsGoneError: some are not.
    """
    contents = tree.contents
    missing = contents.keys() - known_keys(connection, contents)
    if missing:
        raise ContentsGoneError(missing)
    if connection.execute(sa.select(trees.c.digest).where(trees.c.digest == tree.digest)).first() is None:
        values = {
            "digest": tree.digest,
            "document": tree.document.decode(),
            "size_bytes": tree.size_bytes,
            "files": len(tree),
            "created_at": now,
        }
        connection.execute(sa.insert(trees).values(values))


def attach_tree(connection: Connection, bento_id: int, tree: BundleTree) -> None:
    """Say which tree a record has."""
    values = {"tree_digest": tree.digest, "size_bytes": tree.size_bytes}
    connection.execute(sa.update(bentos).where(bentos.c.id == bento_id).values(values))


def find_tree(connection: Connection, digest: str) -> BundleTree:
    """A tree of the catalog.

    Raises:
        NotFound: there is none of this digest.
    """
    document = connection.execute(sa.select(trees.c.document).where(trees.c.digest == digest)).scalar()
    if document is None:
        raise NotFound(f"the catalog has no tree {digest}; see: bentoml yatai check")
    return BundleTree.parse(document, _ANY)


def _portions(digests: Collection[str]) -> Iterator[list[str]]:
    ordered = sorted(digests)
    for start in range(0, len(ordered), _AT_ONCE):
        yield ordered[start : start + _AT_ONCE]
