"""From a record to the files of its bundle: which they are, and how they are put together out of contents."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import sqlalchemy as sa

from bentoml.exceptions import NotFound, YataiRepositoryException
from bentoml.types import Tag
from bentoml.yatai.content_records import ContentsGoneError, find_tree, known_keys
from bentoml.yatai.deposit import Deposit
from bentoml.yatai.records import visible_with_tag
from bentoml.yatai.registry import not_registered
from bentoml.yatai.schema import bentos
from bentoml.yatai.tree_reading import read_tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

    from bentoml.storage.base import ObjectStream
    from bentoml.yatai.blobs import BlobStore
    from bentoml.yatai.bundle_tree import BundleTree, TreeEntry
    from bentoml.yatai.database import Database
    from bentoml.yatai.models import Bento

_AT_ONCE = 8
_SMALL_BYTES = 16 << 20


class BundleContents:
    """The files of the bundles of one registry.

    Args:
        database: of the catalog.
        blobs: where the files are.
        clock: gives the current time.
    """

    def __init__(self, database: Database, blobs: BlobStore, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._blobs = blobs
        self._clock = clock

    @property
    def is_remote(self) -> bool:
        """Whether the files are elsewhere, and used by copies."""
        return self._blobs.contents.is_remote

    def directory(self, bento: Bento) -> Path | None:
        """The directory of a bundle on this machine; None where its files are elsewhere.

        Raises:
            YataiRepositoryException: it is missing, or in a store of another kind than the one that is configured.
        """
        if bento.uri.type != self._blobs.uri_type:
            raise YataiRepositoryException(
                f"The files of {bento.tag} are in {bento.uri.uri}, where yatai.repository does not point any more; set "
                "it back, or delete the bundle"
            )
        path = self._blobs.local_path(bento.uri.uri)
        if path is not None and not path.is_dir():
            raise YataiRepositoryException(
                f"The files of {bento.tag} are missing: {path} is not a directory. Restore it, or remove the record "
                f"with: bentoml delete {bento.tag}"
            )
        return path

    def tree(self, bento: Bento) -> BundleTree:
        """The files of a bundle. One that was registered by an older version gets its tree now, which reads it all.

        Raises:
            NotFound: the bundle was deleted.
            BundleIntegrityException: its files are not those that were saved.
            YataiRepositoryException: they are missing.
        """
        tag = Tag(bento.name, bento.version)
        with self._database.read() as connection:
            row = None if connection is None else connection.execute(visible_with_tag(tag)).first()
            if connection is None or row is None:
                raise not_registered(tag)
            if row.tree_digest is not None:
                return find_tree(connection, row.tree_digest)
        return self.index(row.id, row.uri)

    def index(self, bento_id: int, uri: str) -> BundleTree:
        """Read the files of a record from where they are, keep their contents, and say so in the catalog.

        Args:
            bento_id: of the record; what it says about a tree is replaced.
            uri: where its files are.

        Raises:
            As `tree`.
        """
        directory = self._blobs.local_path(uri)
        if directory is None or not directory.is_dir():
            raise YataiRepositoryException(f"The files of a bundle are missing: {uri} is not a directory")
        try:
            tree = read_tree(directory, verify=True)
        except OSError as error:
            raise YataiRepositoryException(f"{uri} cannot be read: {error.strerror or error}") from error
        deposit = Deposit(self._database, self._blobs.contents, directory, tree, self._clock)
        deposit.bring()
        while not self._recorded(bento_id, deposit):
            pass
        return tree

    def kept(self, tree: BundleTree) -> frozenset[str]:
        """Digests of those contents of a tree that are in the store."""
        with self._database.read() as connection:
            return frozenset() if connection is None else frozenset(known_keys(connection, tree.contents))

    def fill(self, tree: BundleTree, directory: Path) -> None:
        """Make the files of a tree in an empty directory; they may share their bytes with the store.

        Raises:
            NotFound: a content is missing.
            YataiRepositoryException: a content cannot be read, or a file not be written.
        """
        with self._database.read() as connection:
            keys = {} if connection is None else known_keys(connection, tree.contents)
        contents = self._blobs.contents

        def place(entry: TreeEntry) -> None:
            if entry.digest not in keys:
                raise NotFound(f"the content of {entry.path}, {entry.digest}, is not in the catalog")
            contents.place(keys[entry.digest], directory / entry.path, executable=entry.executable)

        try:
            for parent in sorted({(directory / entry.path).parent for entry in tree}):
                parent.mkdir(parents=True, exist_ok=True)
            if not contents.is_remote:
                for entry in tree:
                    place(entry)
                return
            with ThreadPoolExecutor(_AT_ONCE) as pool:
                for _ in pool.map(place, [entry for entry in tree if entry.size_bytes <= _SMALL_BYTES]):
                    pass
            # A large one comes in several parts at once, which take memory.
            for entry in tree:
                if entry.size_bytes > _SMALL_BYTES:
                    place(entry)
        except OSError as error:
            raise YataiRepositoryException(f"{directory} cannot be written: {error.strerror or error}") from error

    @contextmanager
    def open(self, digest: str, start_byte: int = 0, size_bytes: int | None = None) -> Iterator[ObjectStream]:
        """Begin to read a content, from `start_byte` on; `size_bytes` None reads to its end.

        Raises:
            NotFound: it is not here.
            BentoMLException: the store cannot be reached.
        """
        with self._blobs.contents.open(self._key(digest), start_byte, size_bytes) as stream:
            yield stream

    def signed_url(self, digest: str, lifetime_s: float) -> str | None:
        """An address of the web that reads a content without credentials; None where the store has none.

        Raises:
            NotFound: the content is not here.
        """
        return self._blobs.contents.signed_url(self._key(digest), lifetime_s)

    def _key(self, digest: str) -> str:
        with self._database.read() as connection:
            key = None if connection is None else known_keys(connection, [digest]).get(digest)
        if key is None:
            raise NotFound(f"the content {digest} is not in the catalog; see: bentoml yatai check")
        return key

    def _recorded(self, bento_id: int, deposit: Deposit) -> bool:
        try:
            with self._database.write(durable=True) as connection:
                row = connection.execute(sa.select(bentos.c.deleted).where(bentos.c.id == bento_id)).one()
                if not row.deleted:
                    deposit.record(connection, bento_id)
        except ContentsGoneError as gone:
            deposit.bring_again(gone)
            return False
        return True
