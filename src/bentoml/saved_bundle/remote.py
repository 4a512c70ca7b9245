"""Bundles at addresses: a tar archive through gzip, which is fetched into a temporary directory, or written.

A copy lies in a directory `bentoml-bundle-*` of the temporary directory (`TMPDIR`). It is removed when nobody needs it
any more, at the latest when the process ends; those of processes that were killed are removed by the next one.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import tempfile
import weakref
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from bentoml._util.archive_stream import ArchiveLimits
from bentoml._util.archives import extract_tar, pack_tar, unpacked_root
from bentoml._util.file_lock import lock_file
from bentoml._util.full_disk import full_disk_is_said
from bentoml.configuration import get_config
from bentoml.exceptions import BadInput, BentoMLException
from bentoml.saved_bundle.layout import MANIFEST
from bentoml.storage.address import is_address, parse_address
from bentoml.storage.stores import download, write_object

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bentoml.storage.address import Address

_PREFIX = "bentoml-bundle-"
_LOCK = "lock"
_TAG = re.compile(r"[A-Za-z_]\w*:[\w.+-]+")
_BY_TAG = "bentoml.yatai.client.get_yatai_client().repository"
_ARCHIVE_ENDINGS = (".tar", ".tar.gz", ".tgz")


class BundleCopy:
    """A copy of a bundle that was fetched from an address; it is removed at the end of the process, or before.

    Args:
        address: of the archive.

    Attributes:
        path: directory of the bundle.

    Raises:
        As `fetch_bundle`.
    """

    path: Path

    def __init__(self, address: Address) -> None:
        _remove_left_behind()
        home = Path(tempfile.mkdtemp(prefix=_PREFIX))
        try:
            self._lock = _locked(home)
        except BaseException:
            shutil.rmtree(home, ignore_errors=True)
            raise
        self._finalizer = weakref.finalize(self, _remove, home, self._lock, os.getpid())
        try:
            with full_disk_is_said(home.parent, "set TMPDIR to a directory on another disk"):
                self.path = _fetch(address, home)
        except BaseException:
            self.remove()
            raise

    def remove(self) -> None:
        """Remove the copy now."""
        self._finalizer()

    def leave_to_successor(self) -> None:
        """Keep the copy when another program takes the place of this process; a later process removes it after that."""
        os.set_inheritable(self._lock.fileno(), True)


_kept: list[BundleCopy] = []


def fetch_bundle(location: str) -> Path:
    """Fetch the bundle at an address, to be used until the process ends.

    Args:
        location: such as `s3://bucket/path/x.tar.gz`.

    Returns:
        The directory of the copy. Its digests and signature have not been looked at.

    Raises:
        NotFound: there is nothing at the address.
        BadInput: it is no archive of a bundle, too large, or one that could do harm.
        InvalidArgument: it is no address, or one that must not be asked.
        BentoMLException: it cannot be fetched.
    """
    copy = BundleCopy(parse_address(location))
    _kept.append(copy)
    return copy.path


def leave_copies_to_successor() -> None:
    """Keep all that `fetch_bundle` has fetched for the program that takes the place of this process."""
    for copy in _kept:
        copy.leave_to_successor()


class BorrowedBundle:
    """A bundle that is being used.

    Attributes:
        path: its directory.
    """

    def __init__(self, path: Path, copy: BundleCopy | None) -> None:
        self.path = path
        self._copy = copy
        self._is_kept = False

    def keep_with(self, owner: type) -> None:
        """Keep a copy as long as an object lives, instead of removing it when the block ends."""
        if self._copy is not None:
            self._is_kept = True
            weakref.finalize(owner, self._copy.remove)

    def give_back(self) -> None:
        """Remove a copy that nobody keeps."""
        if self._copy is not None and not self._is_kept:
            self._copy.remove()


@contextmanager
def borrowed_bundle(bundle_path: str | os.PathLike[str]) -> Iterator[BorrowedBundle]:
    """The directory of a bundle, wherever it is, for the time of the block.

    Args:
        bundle_path: directory or address of the bundle.

    Raises:
        BentoMLException: there is no such directory; or as `fetch_bundle`.
    """
    text = os.fspath(bundle_path)
    if is_address(text):
        copy = BundleCopy(parse_address(text))
        borrowed = BorrowedBundle(copy.path, copy)
    else:
        borrowed = BorrowedBundle(Path(text), None)
        if not borrowed.path.is_dir():
            hint = f"; a tag is loaded by {_BY_TAG}.load({text!r})" if _TAG.fullmatch(text) else ""
            raise BentoMLException(f"BentoService bundle directory '{text}' not found{hint}")
    try:
        yield borrowed
    finally:
        borrowed.give_back()


def archive_address(location: str, service_name: str) -> Address:
    """Where a bundle is written: the address itself when it ends like an archive, else `<Service>.tar` below it.

    Raises:
        InvalidArgument: it is no address, or names no place in a bucket.
    """
    address = parse_address(location)
    path = address.name.partition("?")[0] if address.is_web else address.name
    return address if path.lower().endswith(_ARCHIVE_ENDINGS) else address.child(f"{service_name}.tar")


def upload_bundle(bundle_path: Path, service_name: str, address: Address, *, replace: bool = False) -> None:
    """Write a bundle to an address as an archive, which is seen there when all of it has arrived.

    Args:
        bundle_path: directory of the bundle.
        service_name: what the directory is called in the archive.
        address: of the archive.
        replace: let it take the place of what is there.

    Raises:
        InvalidArgument: the address must not be asked.
        BentoMLException: it cannot be written; or something is there that is not to be replaced.
    """
    with tempfile.TemporaryFile(prefix=_PREFIX) as archive:
        with full_disk_is_said(Path(tempfile.gettempdir()), "set TMPDIR to a directory on another disk"):
            pack_tar(bundle_path, service_name, archive)
        size_bytes = archive.tell()
        archive.seek(0)
        write_object(address, archive, size_bytes, replace=replace)


def _fetch(address: Address, home: Path) -> Path:
    archive, unpacked = home / "archive", home / "unpacked"
    download(address, archive, get_config().bundles.max_archive_bytes)
    unpacked.mkdir()
    try:
        extract_tar(archive, unpacked, _archive_limits())
        root = unpacked_root(unpacked, MANIFEST)
    except BadInput as error:
        raise BadInput(f"{address} is no archive of a bundle: {error}") from error
    archive.unlink()
    return root


def _locked(home: Path) -> BinaryIO:
    """A file that is locked as long as somebody uses the copy; under its name it is never seen unlocked."""
    lock = (home / f"{_LOCK}.new").open("wb")
    try:
        lock_file(lock.fileno(), fcntl.LOCK_EX, home, "TMPDIR")
    except BaseException:
        lock.close()
        raise
    Path(lock.name).rename(home / _LOCK)
    return lock


def _archive_limits() -> ArchiveLimits:
    limits = get_config().bundles
    return ArchiveLimits(
        max_bytes=limits.max_unpacked_bytes,
        max_members=limits.max_unpacked_files,
        max_ratio=limits.max_unpacked_ratio,
    )


def _remove(home: Path, lock: BinaryIO, owner_pid: int) -> None:
    """Remove a copy; a process that was forked from the owner leaves it alone."""
    if os.getpid() == owner_pid:
        shutil.rmtree(home, ignore_errors=True)
    lock.close()


def _remove_left_behind() -> None:
    """Remove the copies of processes that ended without doing so."""
    for home in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):  # of another user, or just removed by another process
            if home.is_symlink() or home.lstat().st_uid != os.getuid():
                continue
            with (home / _LOCK).open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(home)
