"""What clients have said of their uploads: the files, and the labels. It may be long, so it is read seldom."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from bentoml._util.bounded_memo import BoundedMemo
from bentoml.exceptions import NotFound
from bentoml.yatai.bundle_tree import BundleTree
from bentoml.yatai.schema import uploads

if TYPE_CHECKING:
    from bentoml.yatai.bundle_tree import TreeLimits
    from bentoml.yatai.database import Database

# Lists of files that are kept in memory.
_KNOWN_AT_MOST = 8


class UploadDocuments:
    """The documents of all uploads.

    Args:
        database: of the catalog.
        limits: how large a bundle may be.
    """

    def __init__(self, database: Database, limits: TreeLimits) -> None:
        self._database = database
        self._limits = limits
        self._known: BoundedMemo[str, BundleTree] = BoundedMemo(_KNOWN_AT_MOST)
        self._lock = threading.Lock()

    def tree(self, upload_id: str, digest: str) -> BundleTree:
        """The files of an upload; each content that is sent asks for them.

        Args:
            upload_id: of it.
            digest: of the list.

        Raises:
            NotFound: it was given up.
        """
        known = self._known.get(digest)
        if known is not None:
            return known
        tree = BundleTree.parse(self._document(upload_id)["tree"], self._limits)
        with self._lock:
            self._known.keep(tree.digest, tree)
        return tree

    def labels(self, upload_id: str) -> dict[str, str] | None:
        """The labels of the bundle; None keeps those of its manifest.

        Raises:
            NotFound: the upload was given up.
        """
        labels: dict[str, str] | None = self._document(upload_id)["labels"]
        return labels

    def _document(self, upload_id: str) -> dict[str, Any]:
        statement = sa.select(uploads.c.document).where(uploads.c.id == upload_id)
        with self._database.read() as connection:
            found = None if connection is None else connection.execute(statement).scalar()
        if found is None:
            raise no_upload()
        document: dict[str, Any] = found
        return document


def no_upload() -> NotFound:
    """The error for an upload that is not there."""
    return NotFound("there is no such upload, or it was given up; begin it again with POST /api/v1/uploads")
