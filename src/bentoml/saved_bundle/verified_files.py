"""Files that were compared with their digests, and stay under watch: what is read later has to be what was compared.

Time passes between the look at a bundle and the moment when its code is imported or its artifacts are read; whoever
can write into its directory may use that time. Source files are therefore compared again with the very bytes that are
executed. All others are looked at again right before they are read, by what the system says about each (inode, size,
times of change), and by their digests where that is not what it was. What is left is the time in which a library reads
an artifact.
"""

from __future__ import annotations

import hashlib
import os
import stat
from typing import TYPE_CHECKING

from bentoml.configuration import get_config
from bentoml.exceptions import BundleIntegrityException

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

_CHUNK_BYTES = 1 << 20
_RESTORE = "restore the bundle from where it was saved"

_Identity = tuple[int, int, int, int, int]


def what_to_do() -> str:
    """What helps when a file of a bundle is not the one that was saved."""
    if get_config().bundles.require_signature:
        return _RESTORE
    return f"{_RESTORE}, or load it without verification if the change is intended"


def file_digest(path: Path) -> str:
    """SHA-256 of a file's content, in lower-case hex.

    Raises:
        OSError: it cannot be read, or is no file: a pipe or a device would never end.
    """
    return _digest_and_identity(path)[0]


def _digest_and_identity(path: Path) -> tuple[str, _Identity]:
    digest = hashlib.sha256()
    # A pipe is then not waited for.
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError(0, "it is no file")
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest(), _identity(status)


def _identity(status: os.stat_result) -> _Identity:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


class VerifiedFiles:
    """The files of a directory that are named in a list of digests, each compared with its own.

    Args:
        directory: the directory; resolved when it is to be looked at again later.
        digests: SHA-256 in hex by name relative to the directory.

    Raises:
        BundleIntegrityException: a file was changed or is missing; the text names it.
    """

    def __init__(self, directory: Path, digests: Mapping[str, str]) -> None:
        self._directory = directory
        self._digests = dict(digests)
        self._identities = {name: self._compare(name) for name in self._digests}
        self._check_rest: Callable[[], None] = _nothing

    @property
    def names(self) -> frozenset[str]:
        """The names, with `/` between parts."""
        return frozenset(self._digests)

    def also_check(self, check: Callable[[], None]) -> None:
        """Do this, too, each time the files are looked at again."""
        self._check_rest = check

    def content(self, path: Path) -> bytes:
        """The content of one of the files: these bytes are the ones that the list names, whatever happens meanwhile.

        Raises:
            BundleIntegrityException: it was changed, is missing, or is none of the files.
        """
        name = self._name_of(path)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise _unreadable(path, error) from error
        if hashlib.sha256(content).hexdigest() != self._digests[name]:
            raise _changed(path)
        return content

    def check(self, path: Path) -> None:
        """Look at one of the files again.

        Raises:
            As `content`.
        """
        self._check(self._name_of(path))

    def check_unchanged(self) -> None:
        """Look at all of the files again.

        Raises:
            BundleIntegrityException: one was changed, added or removed.
        """
        for name in self._digests:
            self._check(name)
        self._check_rest()

    def _check(self, name: str) -> None:
        path = self._directory / name
        try:
            is_same = _identity(path.stat()) == self._identities[name]
        except OSError as error:
            raise _unreadable(path, error) from error
        if not is_same:
            self._identities[name] = self._compare(name)

    def _compare(self, name: str) -> _Identity:
        path = self._directory / name
        try:
            digest, identity = _digest_and_identity(path)
        except (OSError, ValueError) as error:
            raise _unreadable(path, error) from error
        if digest != self._digests[name]:
            raise _changed(path)
        return identity

    def _name_of(self, path: Path) -> str:
        name = path.relative_to(self._directory).as_posix() if path.is_relative_to(self._directory) else None
        if name not in self._digests:
            raise BundleIntegrityException(f"{path} was added after the bundle was checked; {what_to_do()}")
        return name


def _nothing() -> None:
    """For directories in which other files do not matter."""


def _changed(path: Path) -> BundleIntegrityException:
    return BundleIntegrityException(f"{path} was changed after the bundle was saved; {what_to_do()}")


def _unreadable(path: Path, error: OSError | ValueError) -> BundleIntegrityException:
    if isinstance(error, FileNotFoundError):
        return BundleIntegrityException(f"{path} is missing from the bundle; {what_to_do()}")
    reason = error.strerror if isinstance(error, OSError) else error
    return BundleIntegrityException(f"{str(path)!r} cannot be read ({reason}); {what_to_do()}")
