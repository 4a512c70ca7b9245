"""The directory with the socket of a replica's server, and those that killed replicas have left behind.

The replica and its server hold a lock on the directory, which ends with the last of them, however that ends.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

_PREFIX = "bentoml-ray-"


class SocketDirectory:
    """A new directory that only this user can read. The directories of dead owners are removed before.

    Attributes:
        path: of the directory.
        lock: descriptor; a process that has it keeps the directory.
    """

    def __init__(self) -> None:
        _remove_left_ones(Path(tempfile.gettempdir()))
        self.path, self.lock = _locked_directory()

    def remove(self) -> None:
        """Remove it with what is in it; once."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self.lock)


def _locked_directory() -> tuple[Path, int]:
    while True:
        path = Path(tempfile.mkdtemp(prefix=_PREFIX))
        try:
            lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:  # another replica has taken it for a left one
            continue
        # A file system without locks has no left directories removed, and nothing else is worse there.
        with suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX)
        if path.exists():
            return path, lock
        os.close(lock)


def _remove_left_ones(parent: Path) -> None:
    for path in parent.glob(f"{_PREFIX}*"):
        # Somebody else's, not a directory, gone already, or still in use.
        with suppress(OSError):
            lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                if os.fstat(lock).st_uid == os.getuid():
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(lock)
