"""The registry in this process: a catalog in SQLite and a blob store, kept in agreement.

The order of steps is what keeps them so. Saving: files complete in staging, then the record (invisible), then in one
transaction the rename and DONE. Deleting: the record first (invisible at once), then in one transaction the rename
into the trash and the note that the place is free, then the slow removal. Whatever a killed process leaves is cleared
away by the next save or delete of anybody.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bentoml.exceptions import BentoMLException, YataiRepositoryException
from bentoml.types import Tag
from bentoml.yatai.catalog import Catalog
from bentoml.yatai.database import Database
from bentoml.yatai.locks import Locks, bento_lock
from bentoml.yatai.models import BentoUri
from bentoml.yatai.registered_files import refuse_other_bundle

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from bentoml.service.metadata import BentoServiceMetadata
    from bentoml.yatai.blobs import BlobStore
    from bentoml.yatai.models import Bento
    from bentoml.yatai.records import Record
    from bentoml.yatai.registry import BentoQuery

logger = logging.getLogger(__name__)


class LocalRegistry:
    """A `Registry` for the processes that share one database file and one blob store.

    Args:
        database_path: the SQLite file; made when something is registered.
        blobs: where the files are.
    """

    def __init__(self, database_path: Path, blobs: BlobStore) -> None:
        self._database = Database(database_path)
        self._catalog = Catalog(self._database)
        self._locks = Locks(self._database)
        self._blobs = blobs

    def staging(self) -> AbstractContextManager[Path]:
        """See `Registry`."""
        return self._blobs.staging()

    def register(self, staged: Path, metadata: BentoServiceMetadata) -> Bento:
        """See `Registry`."""
        tag = Tag(metadata.name, metadata.version)
        uri = BentoUri(self._blobs.uri_type, self._blobs.locate(tag))
        self._blobs.seal(staged)
        with self._database.kept_open():
            self.clear_away()
            with self._locks.hold(write=[bento_lock(tag)]):
                self._add_and_publish(staged, metadata, uri)
            return self._catalog.find(tag)

    def find(self, tag: Tag) -> Bento:
        """See `Registry`."""
        return self._catalog.find(tag)

    def list_bentos(self, query: BentoQuery) -> list[Bento]:
        """See `Registry`."""
        return self._catalog.list_bentos(query)

    def matching_tags(self, query: BentoQuery) -> list[Tag]:
        """See `Registry`."""
        return self._catalog.matching_tags(query)

    def delete(self, tag: Tag) -> None:
        """See `Registry`."""
        resolved = self._catalog.resolve(tag)
        with self._database.kept_open():
            with self._locks.hold(write=[bento_lock(resolved)]):
                self._catalog.retire(resolved)
                self._catalog.release(resolved, self._vacate)
            self.clear_away()

    def fetch(self, bento: Bento, target: Path) -> None:
        """See `Registry`."""
        with self._locked_for_reading(bento) as found:
            self._blobs.fetch(found.uri.uri, target)

    @contextmanager
    def reading(self, bento: Bento) -> Iterator[Path]:
        """See `Registry`."""
        with self._locked_for_reading(bento) as found:
            path = self._blobs.local_path(found.uri.uri)
            if path is None or not path.is_dir():
                raise YataiRepositoryException(
                    f"The files of {found.tag} are missing: {found.uri.uri} is not a directory. Restore it, or delete "
                    "the bundle"
                )
            refuse_other_bundle(found, path)
            yield path

    def clear_away(self) -> None:
        """Finish what killed processes have left: half-done uploads, half-done deletions, files nobody needs."""
        self._catalog.retire_stale()
        for tag in self._catalog.unreleased():
            self._catalog.release(tag, self._vacate)
        self._blobs.sweep()

    def _add_and_publish(self, staged: Path, metadata: BentoServiceMetadata, uri: BentoUri) -> None:
        record = self._catalog.add(metadata, uri, self._vacate)
        try:
            with self._catalog.publishing(record):
                self._blobs.publish(staged, record.uri)
        except BaseException as error:
            self._note_failure(record, error)
            raise

    def _vacate(self, record: Record) -> None:
        self._blobs.displace(record.uri, record.uid)

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
