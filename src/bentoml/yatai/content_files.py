"""Contents in a directory. Files elsewhere on the same disk share their bytes with it, by hard links."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import stat
from collections import Counter
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from bentoml.exceptions import InvalidArgument, NotFound, YataiRepositoryException
from bentoml.storage.base import ObjectStream
from bentoml.yatai.content_store import ContentEntry, is_key, key_path, new_key
from bentoml.yatai.trees import sync_all

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path
    from typing import BinaryIO

_CHUNK_BYTES = 1 << 20
# The link cannot be made, though the file could be copied: another disk, a disk without links, too many links of one
# file already, or a file of somebody else.
_NO_LINK = frozenset({errno.EXDEV, errno.EPERM, errno.EACCES, errno.EMLINK, errno.ENOTSUP, errno.ENOSYS, errno.ENOTTY})
_EXECUTABLE = stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH
# How files are called that are not complete.
_PART = ".part"


class FileContentStore:
    """Contents below one directory, as `<first two digits>/<key>`.

    Args:
        root: the directory; made when the first content is taken.
    """

    is_remote = False
    address = None
    mark_address = ""

    def __init__(self, root: Path) -> None:
        self._root = root

    def read_mark(self) -> None:
        """None: the directory is next to its catalog."""
        return

    def write_mark(self, mark: str) -> None:
        """Nothing."""

    def take(self, source: Path, digest: str) -> str:
        """See `ContentStore`: a link to the file, or a copy where there can be none."""
        key = new_key(digest)
        target = self._path(key)
        with self._writing():
            try:
                _link_or_copy(source, target)
            except FileNotFoundError:
                target.parent.mkdir(parents=True, exist_ok=True)
                _link_or_copy(source, target)
        return key

    def reuse(self, key: str, size_bytes: int, twin: Path) -> bool:
        """See `ContentStore`; the twin becomes a link, unless one of the two alone is executable."""
        source = self._path(key)
        try:
            about, twins = source.stat(), twin.stat()
        except OSError:
            return False
        if about.st_size != size_bytes:
            return False
        if about.st_ino == twins.st_ino or (about.st_mode ^ twins.st_mode) & _EXECUTABLE:
            return True
        link = twin.with_name(f".{secrets.token_hex(8)}")
        with suppress(OSError):  # then the twin keeps bytes of its own
            link.hardlink_to(source)
            link.replace(twin)
        return True

    def flush(self, keys: Collection[str]) -> None:
        """See `ContentStore`."""
        paths = [self._path(key) for key in keys]
        with self._writing():
            sync_all([*paths, *sorted({path.parent for path in paths}), self._root] if paths else [])

    def place(self, key: str, target: Path, *, executable: bool) -> None:
        """See `ContentStore`: a link where that has the right mode, else a copy."""
        source = self._path(key)
        try:
            mode = source.stat().st_mode
            if bool(mode & stat.S_IXUSR) == executable:
                _link_or_copy(source, target)
                return
            shutil.copyfile(source, target)
            target.chmod(stat.S_IMODE(mode) | _EXECUTABLE if executable else stat.S_IMODE(mode) & ~_EXECUTABLE)
        except FileNotFoundError:
            if source.exists():
                raise
            raise self._missing(key) from None

    @contextmanager
    def open(self, key: str, start_byte: int = 0, size_bytes: int | None = None) -> Iterator[ObjectStream]:
        """See `ContentStore`."""
        try:
            file = self._path(key).open("rb")
        except FileNotFoundError:
            raise self._missing(key) from None
        except OSError as error:
            raise YataiRepositoryException(f"{self._path(key)} cannot be read: {error.strerror}") from error
        with file:
            whole = os.fstat(file.fileno()).st_size
            size = whole - start_byte if size_bytes is None else size_bytes
            if not 0 <= start_byte <= start_byte + size <= whole:
                raise InvalidArgument(
                    f"{key} has {whole} bytes, and not those from {start_byte} to {start_byte + size}"
                )
            file.seek(start_byte)
            yield ObjectStream(size, _chunks(file, size))

    def find(self, key: str) -> ContentEntry | None:
        """See `ContentStore`."""
        about = _status(self._path(key))
        return None if about is None else _entry(self._path(key), about, is_shared=about.st_nlink > 1)

    def entries(self) -> Iterator[ContentEntry]:
        """See `ContentStore`. What processes left that were killed while they copied is there, too, under its key."""
        paths = [path for directory in _directories(self._root) for path in _paths(directory)]
        found = [(path, _status(path)) for path in paths if is_key(path.name.removesuffix(_PART))]
        # The same content may be here under several keys; these are not yet somebody else's.
        names = Counter(about.st_ino for _, about in found if about is not None)
        for path, about in found:
            if about is not None:
                yield _entry(path, about, is_shared=about.st_nlink > names[about.st_ino])

    def delete(self, key: str) -> None:
        """See `ContentStore`."""
        path = self._path(key)
        with self._writing():
            path.unlink(missing_ok=True)
            path.with_name(path.name + _PART).unlink(missing_ok=True)

    def signed_url(self, key: str, lifetime_s: float) -> None:  # noqa: ARG002 - files have no addresses
        """None."""
        return

    def _path(self, key: str) -> Path:
        return self._root / key_path(key)

    def _missing(self, key: str) -> NotFound:
        return NotFound(f"the content {key} is missing from {self._root}; see: bentoml yatai check")

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            where = f" ({error.filename})" if error.filename else ""
            raise YataiRepositoryException(
                f"The contents of bundles in {self._root} cannot be written: {error.strerror or error}{where}; check "
                "permissions and free space"
            ) from error


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        target.hardlink_to(source)
    except OSError as error:
        if error.errno not in _NO_LINK:
            raise
        part = target.with_name(target.name + _PART)
        try:
            shutil.copy(source, part)
            part.rename(target)
        except BaseException:
            part.unlink(missing_ok=True)
            raise


def _chunks(file: BinaryIO, size_bytes: int) -> Iterator[bytes]:
    left = size_bytes
    while left > 0:
        chunk = file.read(min(left, _CHUNK_BYTES))
        if not chunk:
            raise YataiRepositoryException(f"{file.name} became shorter while it was read")
        left -= len(chunk)
        yield chunk


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.lstat()
    except FileNotFoundError:
        return None


def _entry(path: Path, about: os.stat_result, *, is_shared: bool) -> ContentEntry:
    # The time of a link's making is that of the last change of the file's status; its content is older.
    changed_at = datetime.fromtimestamp(about.st_ctime, timezone.utc)
    return ContentEntry(path.name.removesuffix(_PART), about.st_size, changed_at, is_shared)


def _directories(root: Path) -> list[Path]:
    return [path for path in _paths(root) if path.is_dir()]


def _paths(directory: Path) -> list[Path]:
    try:
        return sorted(directory.iterdir())
    except FileNotFoundError:
        return []
