"""Contents on their way here: what has come stays on disk, so that a killed process need not load it again."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import secrets
import shutil
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO

from bentoml.exceptions import YataiRepositoryException

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PART = ".part"
# What nobody went on with for so long is not wanted any more.
_KEPT_S = 7 * 24 * 3600
_CHUNK_BYTES = 1 << 20


class PartialContent:
    """One content, as it comes.

    Args:
        path: of the file.
        file: the same, open for reading and writing, and locked.
        digest: that it is to have.
        size_bytes: of all of it.
    """

    def __init__(self, path: Path, file: BinaryIO, digest: str, size_bytes: int) -> None:
        self._path = path
        self._file = file
        self._digest = digest
        self.size_bytes = size_bytes
        self.offset = 0
        self._hash = hashlib.sha256()
        if 0 < os.fstat(file.fileno()).st_size <= size_bytes:
            while chunk := file.read(_CHUNK_BYTES):
                self._hash.update(chunk)
                self.offset += len(chunk)
        else:
            self.restart()

    @property
    def is_whole(self) -> bool:
        """Whether all has come; see `is_right`, too."""
        return self.offset == self.size_bytes

    @property
    def is_right(self) -> bool:
        """Whether what has come has the digest."""
        return f"sha256:{self._hash.hexdigest()}" == self._digest

    def write(self, data: bytes) -> None:
        """Append bytes; they outlive the process."""
        rest = memoryview(data)
        while rest:
            # A disk that becomes full takes the first of them, and says so to whoever comes with the others.
            taken = self._file.write(rest)
            self._hash.update(rest[:taken])
            self.offset += taken
            rest = rest[taken:]

    def restart(self) -> None:
        """Forget what has come."""
        self._file.seek(0)
        self._file.truncate()
        self._hash = hashlib.sha256()
        self.offset = 0

    def move_to(self, target: Path) -> None:
        """Give the file its place; on another disk it gets there as a copy."""
        try:
            self._path.rename(target)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            shutil.copyfile(self._path, target)
            self._path.unlink()


class PartialContents:
    """Contents that are on their way, of all processes of a machine.

    Args:
        root: the directory; made by the first.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    @contextmanager
    def receiving(self, digest: str, size_bytes: int) -> Iterator[PartialContent]:
        """A content to go on with; what has come of it stays when the block ends early.

        When another process loads the same content just now, it is loaded twice rather than waited for.

        Raises:
            YataiRepositoryException: the disk cannot be written.
        """
        try:
            self._root.mkdir(parents=True, exist_ok=True)
            path, file = self._locked(digest.removeprefix("sha256:"))
            with file:
                yield PartialContent(path, file, digest, size_bytes)
        except OSError as error:
            raise YataiRepositoryException(
                f"{self._root} cannot be written: {error.strerror or error}; check its permissions and free space"
            ) from error

    def _locked(self, name: str) -> tuple[Path, BinaryIO]:
        path = self._root / (name + _PART)
        while True:
            file = _opened(path)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.close()
                path = self._root / f"{name}.{secrets.token_hex(4)}{_PART}"
                continue
            # Whoever had the lock may have given the file its place meanwhile.
            with suppress(FileNotFoundError):
                if os.path.samestat(path.stat(), os.fstat(file.fileno())):
                    return path, file
            file.close()

    def sweep(self) -> None:
        """Remove what nobody went on with."""
        with suppress(FileNotFoundError):
            for path in self._root.iterdir():
                with suppress(OSError), path.open("rb") as file:
                    if time.time() - os.fstat(file.fileno()).st_mtime > _KEPT_S:
                        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                        path.unlink()


def _opened(path: Path) -> BinaryIO:
    """A file to read and write, without a buffer, made where there is none."""
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666), "r+b", buffering=0)
