"""Brings the files of a bundle into a store of contents, and the catalog up to date with it."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

import sqlalchemy as sa

from bentoml.exceptions import YataiServiceRpcAborted
from bentoml.yatai.content_records import ContentsGoneError, attach_tree, known_keys, record_contents, record_tree
from bentoml.yatai.schema import blobs, uploads
from bentoml.yatai.store_claim import claim_store

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from datetime import datetime
    from pathlib import Path

    from sqlalchemy.engine import Connection

    from bentoml.types import Tag
    from bentoml.yatai.bundle_tree import BundleTree
    from bentoml.yatai.content_store import ContentStore
    from bentoml.yatai.database import Database

_Result = TypeVar("_Result")

# How long what has been brought is kept for an upload that does not go on.
UPLOAD_KEPT = timedelta(hours=24)
_AT_ONCE = 8
_SMALL_BYTES = 4 << 20


class Deposit:
    """The way of one bundle's files into a store.

    Args:
        database: of the catalog.
        contents: the store.
        directory: where the files are; they may share their bytes with the store afterwards.
        tree: what they are.
        clock: gives the current time.
    """

    def __init__(
        self,
        database: Database,
        contents: ContentStore,
        directory: Path,
        tree: BundleTree,
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._contents = contents
        self._directory = directory
        self._tree = tree
        self._clock = clock
        self._sizes = tree.contents
        # Where each content is, once although it may be there several times.
        self._paths = {entry.digest: entry.path for entry in reversed(tree.entries)}
        self._keys: dict[str, str] = {}
        self._broken: dict[str, str] = {}
        self._upload_id: str | None = None

    @contextmanager
    def pinned(self, tag: Tag, actor: str) -> Iterator[None]:
        """Keep what is brought to a remote store, also when this process ends before the bundle is registered.

        Whoever brings the same contents again within a day finds them there. In a directory nothing is brought, and so
        nothing has to be kept.

        Raises:
            YataiRepositoryException: the store belongs to another catalog, or the files of this one are elsewhere.
        """
        claim_store(self._database, self._contents)
        if self._contents.is_remote:
            self._upload_id = self._open_upload(tag, actor)
        yield

    def bring(self) -> None:
        """Put into the store what it lacks; takes as long as that is large.

        Raises:
            YataiServiceRpcAborted: a content is neither there nor in the directory.
        """
        with self._database.read() as connection:
            known = {} if connection is None else known_keys(connection, self._sizes)
        self._bring(known)

    def record(self, connection: Connection, bento_id: int) -> None:
        """Enter contents and tree into the catalog, in the transaction that makes the bundle visible.

        Args:
            connection: the transaction.
            bento_id: of the record that gets the tree.

        Raises:
            ContentsGoneError: contents that were there have been collected; see `bring_again`.
        """
        now = self._clock()
        record_contents(connection, self._sizes, self._keys, now, self._broken)
        record_tree(connection, self._tree, now)
        attach_tree(connection, bento_id, self._tree)
        if self._upload_id is not None:
            connection.execute(sa.delete(uploads).where(uploads.c.id == self._upload_id))

    def bring_again(self, gone: ContentsGoneError) -> None:
        """Put into the store what was collected since `bring`."""
        self._refuse_lost(gone.digests)
        self._take(gone.digests)

    def _bring(self, known: dict[str, str]) -> None:
        """Reuse what is known and whole, take the rest; then let files of the same content share their bytes."""
        sound = self._each(lambda digest: self._is_sound(digest, known[digest], self._paths[digest]), known)
        self._broken = {digest: known[digest] for digest, is_sound in sound.items() if not is_sound}
        self._refuse_lost([digest for digest in self._sizes if not sound.get(digest)])
        self._take([digest for digest in self._sizes if not sound.get(digest)])
        if self._contents.is_remote:
            return
        for entry in self._tree:
            if entry.path != self._paths[entry.digest]:
                self._is_sound(entry.digest, self._keys.get(entry.digest) or known[entry.digest], entry.path)

    def _refuse_lost(self, needed: Collection[str]) -> None:
        """Refuse to go on without contents; what the catalog says about them is wrong and taken back."""
        lost = [digest for digest in needed if not (self._directory / self._paths[digest]).is_file()]
        if not lost:
            return
        with self._database.write() as connection:
            for digest in lost:
                wrong = (blobs.c.digest == digest, blobs.c.key == self._broken.get(digest, ""))
                connection.execute(sa.delete(blobs).where(*wrong))
        raise YataiServiceRpcAborted(f"{len(lost)} contents are not in the store any more; send them again")

    def _is_sound(self, digest: str, key: str, path: str) -> bool:
        return self._contents.reuse(key, self._sizes[digest], self._directory / path)

    def _take(self, digests: Collection[str]) -> None:
        small = [digest for digest in digests if self._sizes[digest] <= _SMALL_BYTES]
        taken = self._each(self._take_one, small)
        # A large one goes up in several parts at once, which take memory.
        taken.update((digest, self._take_one(digest)) for digest in digests if digest not in taken)
        self._contents.flush(list(taken.values()))

    def _take_one(self, digest: str) -> str:
        key = self._contents.take(self._directory / self._paths[digest], digest)
        self._keys[digest] = key
        if self._upload_id is not None:
            self._record_one(self._upload_id, digest, key)
        return key

    def _each(self, work: Callable[[str], _Result], digests: Collection[str]) -> dict[str, _Result]:
        if not self._contents.is_remote:
            return {digest: work(digest) for digest in digests}
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return dict(zip(digests, pool.map(work, digests), strict=True))

    def _open_upload(self, tag: Tag, actor: str) -> str:
        now = self._clock()
        values = {
            "id": uuid.uuid4().hex,
            "name": tag.name,
            "version": tag.version,
            "tree_digest": self._tree.digest,
            "document": {"tree": self._tree.to_json(), "labels": {}},
            "created_by": actor,
            "created_at": now,
            "expires_at": now + UPLOAD_KEPT,
        }
        with self._database.write() as connection:
            connection.execute(sa.insert(uploads).values(values))
        return str(values["id"])

    def _record_one(self, upload_id: str, digest: str, key: str) -> None:
        now = self._clock()
        with self._database.write() as connection:
            record_contents(connection, self._sizes, {digest: key}, now, self._broken)
            statement = sa.update(uploads).where(uploads.c.id == upload_id)
            connection.execute(statement.values(expires_at=now + UPLOAD_KEPT))
