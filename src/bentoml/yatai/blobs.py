"""Where bundles are. `BlobStore` is the port; one is here, for a directory, one in `bucket_blobs`.

The life of a bundle's files, told by the calls:

`staging()` -> written by the caller -> `seal()` (slow: to disk) -> `publish()` (one quick step)
-> read at `local_path()` -> `displace()` (one quick step) -> `put_back()` (one quick step) or `sweep()` (slow removal).

What is in the files lies in a `ContentStore`, see `contents`; a directory of files is made of links to it.

`publish`, `displace` and `put_back` are called inside a database transaction that decides who may do so; they must be
quick, and doing them again after a crash must be harmless.
"""

from __future__ import annotations

import logging
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from bentoml.exceptions import InvalidArgument, YataiRepositoryException
from bentoml.yatai.content_files import FileContentStore
from bentoml.yatai.models import UriType
from bentoml.yatai.staging import StagingArea, StagingError, entries, remove_unneeded
from bentoml.yatai.trees import sync, sync_tree

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from contextlib import AbstractContextManager

    from bentoml.types import Tag
    from bentoml.yatai.content_store import ContentStore

logger = logging.getLogger(__name__)


class BlobStore(Protocol):
    """Files of bundles, each bundle at one URI."""

    @property
    def contents(self) -> ContentStore:
        """Where the contents of the files are."""

    @property
    def uri_type(self) -> UriType:
        """What kind of URIs `locate` gives."""

    def locate(self, tag: Tag) -> str:
        """The URI where the files of a bundle belong."""

    def staging(self) -> AbstractContextManager[Path]:
        """An empty local directory for a new bundle; removed after the block unless it was published."""

    def seal(self, staged: Path) -> None:
        """Make the staged files durable. Takes as long as the bundle is large."""

    def publish(self, staged: Path, uri: str) -> None:
        """Put the staged files at `uri`, all at once.

        Raises:
            YataiRepositoryException: something is there already.
        """

    def displace(self, uri: str, uid: str) -> None:
        """Take what is at `uri` away, all at once.

        Args:
            uri: the place to vacate; nothing happens when it is empty.
            uid: id of the record that the files belong to. Once they were taken away under this id, the call does
                nothing, so that it never touches the files of a later bundle at the same place.
        """

    def put_back(self, uri: str, uid: str) -> None:
        """Undo `displace`; nothing happens when that was done before.

        Raises:
            YataiRepositoryException: the files are gone, or something else is at `uri`.
        """

    def local_path(self, uri: str) -> Path | None:
        """The directory of the files, when they are on this machine."""

    def sweep(self, needed: Callable[[Collection[str]], Collection[str]]) -> None:
        """Remove displaced files, and what dead processes left in staging.

        Args:
            needed: says which of the ids that files were displaced under must keep them; never again needed are those
                that it leaves out once.
        """


class FileSystemBlobStore:
    """Bundles under `<root>/<Name>/<Version>`, unpacked.

    Everything else is inside `root` too (`.blobs`, `.staging`, `.trash`), so that each step is one rename or a link.

    Args:
        root: the repository directory; made by the first bundle.
    """

    uri_type = UriType.LOCAL

    def __init__(self, root: Path) -> None:
        self._root = root
        self.contents = FileContentStore(root / ".blobs")
        self._staging = StagingArea(root / ".staging")
        self._trash = root / ".trash"

    def locate(self, tag: Tag) -> str:
        """`<root>/<Name>/<Version>`.

        Raises:
            InvalidArgument: name or version cannot be the name of a directory.
        """
        for part in (tag.name, tag.version):
            if part in {"", ".", ".."} or "/" in part or os.sep in part or "\0" in part or len(part.encode()) > 255:
                raise InvalidArgument(f"{part!r} in {str(tag)!r} cannot be the name of a directory; choose another")
        if tag.name.startswith("."):
            raise InvalidArgument(f"{tag.name!r} cannot be the name of a bundle")
        return str(self._root / tag.name / tag.version)

    @contextmanager
    def staging(self) -> Iterator[Path]:
        """See `BlobStore`. Raises `YataiRepositoryException` when the repository cannot be written, then or later."""
        try:
            with self._staging.slot() as staged:
                yield staged
        except StagingError as error:
            raise self._not_writable(error.cause) from error.cause

    def seal(self, staged: Path) -> None:
        """Write the files through to disk."""
        try:
            sync_tree(staged)
        except OSError as error:
            raise self._not_writable(error) from error

    def publish(self, staged: Path, uri: str) -> None:
        """Rename the staged directory to `uri`."""
        final = Path(uri)
        if os.path.lexists(final):
            raise YataiRepositoryException(
                f"Bento bundle directory {final} already exist, though the catalog has no such bundle; "
                "move it away, or register it under another repository with upload_from_dir"
            )
        try:
            final.parent.mkdir(exist_ok=True)
            staged.rename(final)
            sync(final.parent)
        except OSError as error:
            raise self._not_writable(error) from error

    def displace(self, uri: str, uid: str) -> None:
        """Rename the directory into the trash."""
        source, trashed = Path(uri), self._trash / uid
        if trashed.exists() or not os.path.lexists(source):
            return
        try:
            self._trash.mkdir(parents=True, exist_ok=True)
            source.rename(trashed)
        except OSError as error:
            raise self._not_writable(error) from error
        try:
            source.parent.rmdir()
        except OSError:
            logger.debug("%s stays, it holds other versions", source.parent)

    def put_back(self, uri: str, uid: str) -> None:
        """Rename the directory from the trash."""
        final, trashed = Path(uri), self._trash / uid
        if not trashed.exists():
            if final.is_dir():
                return
            raise YataiRepositoryException(f"{uri} cannot be restored: its files are not in {trashed} any more")
        if os.path.lexists(final):
            raise YataiRepositoryException(f"{final} exists, though the catalog has no such bundle; move it away")
        try:
            final.parent.mkdir(exist_ok=True)
            trashed.rename(final)
            sync(final.parent)
        except OSError as error:
            raise self._not_writable(error) from error

    def local_path(self, uri: str) -> Path:
        """The URI is the path."""
        return Path(uri)

    def sweep(self, needed: Callable[[Collection[str]], Collection[str]]) -> None:
        """See `BlobStore`. What cannot be removed now is left for the next time, with a warning."""
        displaced = {entry.name: entry for entry in entries(self._trash)}
        kept = needed(displaced) if displaced else ()
        for uid, entry in displaced.items():
            if uid not in kept:
                remove_unneeded(entry)
        self._staging.sweep()

    def _not_writable(self, error: OSError) -> YataiRepositoryException:
        where = f" ({error.filename})" if error.filename else ""
        return YataiRepositoryException(
            f"The bundle repository {self._root} cannot be written: {error.strerror or error}{where}; check its "
            "permissions and free space, or name another directory with BENTOML_HOME or "
            "yatai.repository.file_system.directory"
        )
