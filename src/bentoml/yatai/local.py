"""The registry in this process: a catalog in a database and a blob store, kept in agreement.

The order of steps is what keeps them so. Saving: files complete in staging, their contents in the store, then the
record (invisible), then in one transaction the list of files, the rename and DONE. Deleting: the record first, which
makes it invisible, then in one transaction the rename into the trash and the note that the place is free. There the
files stay until the record is purged; restoring renames them back. Whatever a killed process leaves is cleared away by
the next save or delete of anybody. Contents that no record needs any more are collected, see `collection`.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from typing import TYPE_CHECKING

from bentoml.exceptions import BentoMLException, NotFound
from bentoml.types import Tag
from bentoml.yatai.aliases import Aliases
from bentoml.yatai.audit import read_audit
from bentoml.yatai.bundle_contents import BundleContents
from bentoml.yatai.catalog import Catalog
from bentoml.yatai.checkout_cache import HeldCheckout
from bentoml.yatai.collection import ORPHAN_GRACE, Collector
from bentoml.yatai.content_records import ContentsGoneError
from bentoml.yatai.deployments import Deployments
from bentoml.yatai.deposit import Deposit
from bentoml.yatai.inspection import inspect
from bentoml.yatai.local_deployments import LocalDeployments
from bentoml.yatai.locks import Locks, bento_lock
from bentoml.yatai.models import BentoUri, utc_now
from bentoml.yatai.owner import os_user
from bentoml.yatai.recycle_bin import RecycleBin
from bentoml.yatai.registered_files import refuse_damaged, refuse_other_bundle
from bentoml.yatai.tree_reading import read_tree
from bentoml.yatai.trees import copy_bundle

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from bentoml.service.metadata import BentoServiceMetadata
    from bentoml.yatai.audit import AuditEntry, AuditQuery
    from bentoml.yatai.blobs import BlobStore
    from bentoml.yatai.bundle_tree import BundleTree
    from bentoml.yatai.checkout_cache import CheckoutCache
    from bentoml.yatai.collection import CollectionReport
    from bentoml.yatai.database import Database
    from bentoml.yatai.inspection import Inspection
    from bentoml.yatai.models import Alias, AliasChange, Bento
    from bentoml.yatai.records import Record
    from bentoml.yatai.registry import BentoQuery

logger = logging.getLogger(__name__)

KEEP_DELETED = timedelta(days=7)


class LocalRegistry(LocalDeployments):
    """A `Registry` for the processes that share one database and one blob store.

    Args:
        database: where the records are.
        blobs: where the files are.
        cache: where copies are made of bundles that are not on this machine.
        keep_deleted: how long a deleted bundle can be restored; zero purges it at once.
        actor: who makes the changes; by default the user of the process.

    Attributes:
        contents: of the files of bundles.
    """

    def __init__(
        self,
        database: Database,
        blobs: BlobStore,
        *,
        cache: CheckoutCache | None = None,
        keep_deleted: timedelta = KEEP_DELETED,
        actor: Callable[[], str] = os_user,
    ) -> None:
        self._database = database
        self._catalog = Catalog(database, actor=actor)
        self._aliases = Aliases(database, actor=actor)
        self._bin = RecycleBin(database, actor=actor)
        self._deployments = Deployments(database, actor=actor)
        self._locks = Locks(database)
        self._blobs = blobs
        self._cache = cache
        self.contents = BundleContents(database, blobs, utc_now)
        self._collector = Collector(database, blobs.contents)
        self._keep_deleted = keep_deleted
        self._actor = actor

    def acting_as(self, actor: str) -> LocalRegistry:
        """The same registry, whose changes are made by somebody else; it costs nothing."""
        return LocalRegistry(
            self._database, self._blobs, cache=self._cache, keep_deleted=self._keep_deleted, actor=lambda: actor
        )

    def staging(self) -> AbstractContextManager[Path]:
        """See `Registry`."""
        return self._blobs.staging()

    def register(self, staged: Path, metadata: BentoServiceMetadata, tree: BundleTree | None = None) -> Bento:
        """See `Registry`. With a `tree`, where files are elsewhere, those may be left out that are kept already."""
        tag = Tag(metadata.name, metadata.version)
        uri = BentoUri(self._blobs.uri_type, self._blobs.locate(tag))
        tree = read_tree(staged) if tree is None else tree
        with self._database.kept_open():
            self.clear_away()
            deposit = Deposit(self._database, self._blobs.contents, staged, tree, utc_now)
            with deposit.pinned(tag, self._actor()):
                deposit.bring()
                self._blobs.seal(staged)
                with self._locks.hold(write=[bento_lock(tag)]):
                    self._add_and_publish(staged, metadata, uri, deposit)
            return self._catalog.find(tag)

    def find(self, tag: Tag) -> Bento:
        """See `Registry`."""
        return self._catalog.find(tag)

    def list_bentos(self, query: BentoQuery) -> list[Bento]:
        """See `Registry`."""
        return self._catalog.list_bentos(query)

    def count_bentos(self, query: BentoQuery) -> int:
        """See `Registry`."""
        return self._catalog.count_bentos(query)

    def matching_tags(self, query: BentoQuery) -> list[Tag]:
        """See `Registry`."""
        return self._catalog.matching_tags(query)

    def set_labels(self, tag: Tag, labels: Mapping[str, str]) -> Bento:
        """See `Registry`."""
        return self._catalog.set_labels(tag, labels)

    def change_labels(self, tag: Tag, changed: Mapping[str, str], removed: Collection[str] = ()) -> Bento:
        """See `Registry`."""
        return self._catalog.change_labels(tag, changed, removed)

    def set_alias(self, tag: Tag, alias: str) -> Alias:
        """See `Registry`."""
        return self._aliases.assign(tag, alias)

    def remove_alias(self, name: str, alias: str) -> None:
        """See `Registry`."""
        self._aliases.remove(name, alias)

    def list_aliases(self, name: str | None = None) -> list[Alias]:
        """See `Registry`."""
        return self._aliases.of(name)

    def alias_history(self, name: str, alias: str | None = None) -> list[AliasChange]:
        """See `Registry`."""
        return self._aliases.history(name, alias)

    def list_audit(self, query: AuditQuery) -> list[AuditEntry]:
        """See `Registry`."""
        return read_audit(self._database, query)

    def delete(self, tag: Tag, *, force: bool = False, purge: bool = False) -> None:
        """See `Registry`."""
        resolved = self._catalog.resolve(tag)
        purge = purge or not self._keep_deleted
        with self._database.kept_open():
            with self._locks.hold(write=[bento_lock(resolved)]):
                purged = self._bin.purge(resolved) if purge else 0
                try:
                    self._catalog.retire(resolved, force=force, purge=purge)
                except NotFound:
                    if not purged:
                        raise
                self._catalog.release(resolved, self._vacate)
            self.clear_away()
            if purge:
                self._collector.collect_if_quick()

    def restore(self, tag: Tag) -> Bento:
        """See `Registry`."""
        with self._database.kept_open(), self._locks.hold(write=[bento_lock(tag)]):
            self._bin.restore(tag, self._put_back)
            return self._catalog.find(tag)

    def fetch(self, bento: Bento, target: Path) -> None:
        """See `Registry`."""
        with self.reading(bento) as source:
            copy_bundle(source, target)

    @contextmanager
    def reading(self, bento: Bento) -> Iterator[Path]:
        """See `Registry`."""
        # Nobody waits in the catalog for what is being copied: its contents stay when the bundle is deleted.
        with nullcontext() if self.contents.is_remote else self._locked_for_reading(bento):
            held = self.hold(bento)
            try:
                yield held.path
            finally:
                held.release()

    def hold(self, bento: Bento) -> HeldCheckout:
        """See `Registry`."""
        found = self._catalog.find(Tag(bento.name, bento.version))
        path = self.contents.directory(found)
        if path is None:
            assert self._cache is not None, "a registry in a bucket is made with a cache"
            return self._cache.held(self.contents.tree(found), self.contents.fill)
        refuse_other_bundle(found, path)
        return HeldCheckout(path)

    def place(self, bento: Bento, part: BundleTree, directory: Path) -> None:
        """See `Registry`."""
        with self._locked_for_reading(bento):
            self.contents.fill(part, directory)
        refuse_damaged(bento, part, directory)

    def tree(self, bento: Bento) -> BundleTree:
        """See `Registry`."""
        with self._locked_for_reading(bento) as found:
            return self.contents.tree(found)

    def kept_contents(self, tree: BundleTree) -> frozenset[str]:
        """Digests of those contents of a tree that are here already."""
        return self.contents.kept(tree)

    def fill(self, tree: BundleTree, directory: Path) -> None:
        """Make the files of a tree in a directory, all contents of which are here; they may share their bytes.

        Raises:
            NotFound: a content is missing.
            YataiRepositoryException: a content cannot be read, or a file not be written.
        """
        self.contents.fill(tree, directory)

    def inspect(self, *, deep: bool = False) -> Inspection:
        """Compare the catalog with the files; see `inspection.inspect`."""
        return inspect(self._database, self._blobs, deep=deep)

    def collect(self, orphan_grace: timedelta = ORPHAN_GRACE, *, dry_run: bool = False) -> CollectionReport:
        """Purge what was deleted long ago, and remove contents that nobody needs; see `Collector.collect`."""
        if not dry_run:
            self.clear_away()
        return self._collector.collect(orphan_grace, dry_run=dry_run)

    def clear_away(self) -> None:
        """Finish what killed processes have left: half-done uploads, half-done deletions, files nobody needs."""
        self._catalog.retire_stale()
        for tag in self._catalog.unreleased():
            self._catalog.release(tag, self._vacate)
        purged = self._bin.purge_older_than(self._keep_deleted)
        self._blobs.sweep(self._bin.needed)
        if purged:
            self._collector.collect_if_quick()

    def _add_and_publish(self, staged: Path, metadata: BentoServiceMetadata, uri: BentoUri, deposit: Deposit) -> None:
        record = self._catalog.add(metadata, uri, self._vacate)
        try:
            while not self._published(staged, record, deposit):
                logger.debug("%s: contents were collected meanwhile and are brought again", record.tag)
        except BaseException as error:
            self._note_failure(record, error)
            raise

    def _published(self, staged: Path, record: Record, deposit: Deposit) -> bool:
        """Make a bundle visible, unless contents that it shares with others have just been collected."""
        try:
            with self._catalog.publishing(record) as connection:
                deposit.record(connection, record.id)
                self._blobs.publish(staged, record.uri)
        except ContentsGoneError as gone:
            deposit.bring_again(gone)
            return False
        return True

    def _vacate(self, record: Record) -> None:
        self._blobs.displace(record.uri, record.uid)

    def _put_back(self, record: Record) -> None:
        self._blobs.put_back(record.uri, record.uid)

    @contextmanager
    def _locked_for_reading(self, bento: Bento) -> Iterator[Bento]:
        """The bundle as it is once nobody can delete it."""
        tag = Tag(bento.name, bento.version)
        if self._database.read_only:  # a lock is a row; a catalog that cannot be written is read without
            yield self._catalog.find(tag)
            return
        with self._locks.hold(read=[bento_lock(tag)]):
            yield self._catalog.find(tag)

    def _note_failure(self, record: Record, error: BaseException) -> None:
        """Free the tag. When even that fails, the upload still raises its own error; its record expires."""
        try:
            self._catalog.fail(record, str(error) or type(error).__name__)
        except BentoMLException as second:
            logger.warning("The failed upload of %s could not be recorded: %s", record.tag, second)
