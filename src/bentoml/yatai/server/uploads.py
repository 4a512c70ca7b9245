"""Uploads that may break off and go on: what has come is kept, checked, and becomes a bundle in one step.

An upload is a row, and a directory with a file for each content: `<digits of the digest>.part` while it comes, the
digits alone once its digest was right. Uploads end a day after the last byte has come.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import uuid
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from bentoml.exceptions import InvalidArgument, NotFound, YataiServiceRpcAborted
from bentoml.saved_bundle.layout import DIGESTS, MANIFEST
from bentoml.service.naming import validate_labels
from bentoml.types import Tag
from bentoml.yatai.bundle_tree import BundleTree, TreeLimits
from bentoml.yatai.models import utc_now
from bentoml.yatai.schema import uploads
from bentoml.yatai.server.errors import RequestRefused
from bentoml.yatai.server.receiver import (
    Missing,
    Receiver,
    Upload,
    bundle_metadata,
    part_of,
    place_file,
    size_of,
    wrong_offset,
)
from bentoml.yatai.server.silent_uploads import silent_uploads
from bentoml.yatai.server.upload_documents import UploadDocuments, no_upload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from bentoml.yatai.database import Database
    from bentoml.yatai.local import LocalRegistry
    from bentoml.yatai.models import Bento
    from bentoml.yatai.server.trees import Trees

KEPT = timedelta(hours=24)
# The answer to a commit may get lost; whoever asks again is told of the bundle.
KEPT_AFTER_COMMIT = timedelta(hours=1)
# How much later its end has to be for the catalog to be told.
_TOLD_EVERY = timedelta(minutes=1)
# What a commit reads of a bundle.
_LOOKED_AT = frozenset({MANIFEST, DIGESTS})


class Uploads:
    """All uploads of a registry.

    Args:
        database: of the catalog.
        registry: takes the bundles.
        trees: lists of files of bundles.
        directory: where contents come in.
        max_bundle_bytes: largest bundle.
        clock: gives the current time.
    """

    def __init__(
        self,
        database: Database,
        registry: LocalRegistry,
        trees: Trees,
        directory: Path,
        max_bundle_bytes: int,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database = database
        self._registry = registry
        self._trees = trees
        self._directory = directory
        self._limits = TreeLimits(max_size_bytes=max_bundle_bytes)
        self._clock = clock
        self._documents = UploadDocuments(database, self._limits)

    @property
    def max_document_bytes(self) -> int:
        """Largest document that begins an upload."""
        return self._limits.max_document_bytes + 65536

    def begin(
        self, tag: Tag, document: Mapping[str, Any], labels: Mapping[str, str] | None, actor: str
    ) -> Upload | Bento:
        """Begin an upload, or go on with the one of the same files.

        Args:
            tag: of the bundle.
            document: the tree.
            labels: of the bundle; None keeps those of its manifest.
            actor: who uploads.

        Returns:
            The upload; or the bundle, where it is registered already with the same files.

        Raises:
            InvalidArgument: the tree is refused, or a label.
            YataiServiceRpcAborted: the tag is taken by other files.
        """
        tree = BundleTree.parse(document, self._limits)
        if tree.find(MANIFEST) is None:
            raise InvalidArgument(f"the tree names no {MANIFEST}, so this is no bundle")
        checked = None if labels is None else validate_labels(labels)
        self.sweep()
        registered = self._registered(tag, tree)
        if registered is not None:
            return registered
        now = self._clock()
        with self._database.write() as connection:
            same = (uploads.c.name == tag.name, uploads.c.version == tag.version, uploads.c.tree_digest == tree.digest)
            # The oldest: what a commit has begun to bring to a bucket is noted beside it until it has ended.
            oldest_first = (uploads.c.created_at, uploads.c.id)
            row = connection.execute(sa.select(uploads).where(*same).order_by(*oldest_first)).first()
            values = {"document": {"tree": dict(document), "labels": checked}, "expires_at": now + KEPT}
            if row is not None:
                connection.execute(sa.update(uploads).where(uploads.c.id == row.id).values(values))
                return Upload(row.id, tag, tree, now + KEPT)
            new = {"id": uuid.uuid4().hex, "name": tag.name, "version": tag.version, "tree_digest": tree.digest}
            connection.execute(sa.insert(uploads).values(**new, **values, created_by=actor, created_at=now))
        return Upload(new["id"], tag, tree, now + KEPT)

    def find(self, upload_id: str) -> Upload:
        """An upload.

        Raises:
            NotFound: there is none, or it was given up.
        """
        # Not the document: it may be long, and whatever is sent asks for it.
        columns = (uploads.c.name, uploads.c.version, uploads.c.tree_digest, uploads.c.expires_at)
        statement = sa.select(*columns).where(uploads.c.id == upload_id, uploads.c.expires_at > self._clock())
        with self._database.read() as connection:
            found = None if connection is None else connection.execute(statement).first()
        if found is None:
            raise no_upload()
        tree = self._documents.tree(upload_id, found.tree_digest)
        return Upload(upload_id, Tag(found.name, found.version), tree, found.expires_at)

    def missing(self, upload: Upload) -> list[Missing]:
        """What has still to come, in the order of the digests."""
        found = []
        kept = self._registry.kept_contents(upload.tree)
        for digest, size_bytes in sorted(upload.tree.contents.items()):
            whole = self._path(upload, digest)
            if size_bytes and digest not in kept and not whole.is_file():
                found.append(Missing(digest, size_bytes, size_of(part_of(whole))))
        return found

    @contextmanager
    def receiving(self, upload: Upload, digest: str, offset: int) -> Iterator[Receiver]:
        """Take bytes of a content; what has come stays, however the block ends.

        Args:
            upload: it belongs to.
            digest: of the content.
            offset: where in the content the bytes begin.

        Raises:
            NotFound: the tree has no such content.
            RequestRefused: other bytes have to come first, or somebody else sends them.
        """
        size_bytes = upload.tree.contents.get(digest)
        if size_bytes is None:
            raise NotFound(f"the tree of this upload has no content {digest[:100]}")
        whole = self._path(upload, digest)
        if whole.is_file() or size_bytes == 0:
            if offset != size_bytes:
                raise wrong_offset(size_bytes)
            yield Receiver(whole, None, digest, size_bytes, size_bytes)
            return
        whole.parent.mkdir(parents=True, exist_ok=True)
        with part_of(whole).open("ab") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise RequestRefused(
                    409, "Another request sends this content; wait for its end", {"retry-after": "1"}
                ) from None
            arrived = os.fstat(file.fileno()).st_size
            if whole.is_file():
                arrived = size_bytes
            if offset != arrived:
                raise wrong_offset(arrived)
            yield Receiver(whole, file, digest, size_bytes, arrived)

    def keep_longer(self, upload: Upload) -> None:
        """Something has come: the day begins anew, give or take a minute."""
        if self._clock() + KEPT - upload.expires_at < _TOLD_EVERY:
            return
        with self._database.write() as connection:
            statement = sa.update(uploads).where(uploads.c.id == upload.id)
            connection.execute(statement.values(expires_at=self._clock() + KEPT))

    def commit(self, upload: Upload, actor: str) -> Bento:
        """Make a bundle of what has come, in one step; or give the one that was made before.

        Raises:
            YataiServiceRpcAborted: something is missing, or the tag is taken by other files.
            InvalidArgument: it is no bundle, or one of another tag.
            RequestRefused: another request ends it just now.
        """
        registered = self._registered(upload.tag, upload.tree)
        if registered is not None:
            return registered
        missing = self.missing(upload)
        if missing:
            raise YataiServiceRpcAborted(f"{len(missing)} contents are not whole yet; send them first")
        with self._registry.staging() as staged:
            tree = self._assemble(upload, staged)
            metadata = bundle_metadata(staged, upload.tag, tree)
            labels = self._documents.labels(upload.id)
            if labels is not None:
                metadata = replace(metadata, labels=labels)
            try:
                bento = self._registry.acting_as(actor).register(staged, metadata, tree)
            except YataiServiceRpcAborted:
                found = self._registered(upload.tag, upload.tree)
                if found is None:
                    raise
                bento = found
        now = self._clock()
        with self._database.write() as connection:
            statement = sa.update(uploads).where(uploads.c.id == upload.id)
            connection.execute(statement.values(expires_at=now + KEPT_AFTER_COMMIT))
        shutil.rmtree(self._directory / upload.id, ignore_errors=True)
        return bento

    def abandon(self, upload: Upload) -> None:
        """Give an upload up, and remove what has come."""
        with self._database.write() as connection:
            connection.execute(sa.delete(uploads).where(uploads.c.id == upload.id))
        shutil.rmtree(self._directory / upload.id, ignore_errors=True)

    def sweep(self) -> None:
        """Remove what is left of uploads that were given up, also of those that the catalog has forgotten."""
        now = self._clock()
        silent = silent_uploads(self._directory, (now - KEPT).timestamp())
        statement = sa.select(uploads.c.id).where(uploads.c.expires_at <= now)
        with self._database.read() as connection:
            over = [] if connection is None else connection.execute(statement).scalars().all()
        for upload_id in over:
            shutil.rmtree(self._directory / upload_id, ignore_errors=True)
            with self._database.write() as connection:
                connection.execute(sa.delete(uploads).where(uploads.c.id == upload_id, uploads.c.expires_at <= now))
        if silent:
            with self._database.read() as connection:
                known = set() if connection is None else set(connection.execute(sa.select(uploads.c.id)).scalars())
            for directory in silent:
                if directory.name not in known:
                    shutil.rmtree(directory, ignore_errors=True)

    def _registered(self, tag: Tag, tree: BundleTree) -> Bento | None:
        """The bundle of a tag, if it has these files.

        Raises:
            YataiServiceRpcAborted: it has others.
        """
        try:
            bento = self._registry.find(tag)
            if self._trees.of(bento).digest == tree.digest:
                return bento
        except NotFound:
            return None
        raise YataiServiceRpcAborted(f"BentoService bundle: {tag} already exists, with other files")

    def _assemble(self, upload: Upload, staged: Path) -> BundleTree | None:
        """Put the files together; their list, where those are left out that a bucket has already."""
        seen: set[str] = set()
        kept = self._registry.kept_contents(upload.tree)
        here = {
            entry
            for entry in upload.tree
            if entry.size_bytes and entry.digest in kept and not self._path(upload, entry.digest).is_file()
        }
        is_partial = self._registry.contents.is_remote
        wanted = {entry for entry in here if entry.path in _LOOKED_AT} if is_partial else here
        self._registry.fill(BundleTree.of(wanted, self._limits), staged)
        for entry in upload.tree.entries:
            if entry not in here:
                # Files of one content may have two modes, so only the first of them may be a link.
                place_file(self._path(upload, entry.digest), staged, entry, is_copy=entry.digest in seen)
                seen.add(entry.digest)
        return upload.tree if is_partial else None

    def _path(self, upload: Upload, digest: str) -> Path:
        return self._directory / upload.id / digest.removeprefix("sha256:")
