"""Copies of bundles that are elsewhere, each below the digest of its tree.

A copy is complete and verified when it has its name. While somebody uses it, a lock on the file beside it is held,
which ends with the process; when the copies take more than they may, those that were not used for the longest time go.
Large files that several copies have are fetched once and take their room once, see `shared_contents`.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from bentoml.exceptions import BundleIntegrityException, YataiRepositoryException
from bentoml.saved_bundle.verified_files import file_digest
from bentoml.yatai.bundle_tree import BundleTree
from bentoml.yatai.shared_contents import SharedContents
from bentoml.yatai.staging import StagingArea, StagingError, entries
from bentoml.yatai.tree_reading import differences
from bentoml.yatai.trees import remove_tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from bentoml.yatai.bundle_tree import TreeEntry

    Fill = Callable[[BundleTree, Path], None]

_LOCK = ".lock"


class CheckoutCache:
    """Copies below one directory, for all processes of a machine.

    Args:
        root: the directory; made by the first copy.
        max_bytes: most that the copies take that nobody uses.
        compares: whether files are compared with their digests once they are made; else whoever makes them does so.
    """

    def __init__(self, root: Path, max_bytes: int, *, compares: bool = True) -> None:
        self._root = root
        self._max_bytes = max_bytes
        self._compares = compares
        self._staging = StagingArea(root / ".staging")
        self._shared = SharedContents(root / ".contents")

    @contextmanager
    def checkout(self, tree: BundleTree, fill: Fill) -> Iterator[Path]:
        """A directory with the files of a tree, which nobody removes within the block, nor may write into.

        Args:
            tree: the files.
            fill: makes them in a directory.

        Raises:
            BundleIntegrityException: `fill` made other files.
            YataiRepositoryException: the directory cannot be written.
        """
        held = self.held(tree, fill)
        try:
            yield held.path
        finally:
            held.release()

    def held(self, tree: BundleTree, fill: Fill) -> HeldCheckout:
        """As `checkout`, until `release`, or the end of the process."""
        path = self._root / tree.digest.removeprefix("sha256:")
        try:
            lock = self._locked(path)
        except OSError as error:
            raise self._not_writable(error) from error
        try:
            # The time of the last use, by which the oldest are found.
            if self._is_whole(path, tree):
                os.utime(path)
            else:
                self._make(path, tree, fill)
                self._evict(keep=path)
        except StagingError as error:
            lock.close()
            raise self._not_writable(error.cause) from error.cause
        except BaseException:
            lock.close()
            raise
        return HeldCheckout(path, lock)

    def _locked(self, path: Path) -> BinaryIO:
        """The lock of a copy, shared with others; whoever removes a copy removes the file of its lock, too."""
        self._root.mkdir(parents=True, exist_ok=True)
        name = path.with_name(path.name + _LOCK)
        while True:
            lock = name.open("ab")
            fcntl.flock(lock, fcntl.LOCK_SH)
            if _is_same(lock, name):
                return lock
            lock.close()

    def _is_whole(self, path: Path, tree: BundleTree) -> bool:
        """Whether the copy is there and nobody took files away or cut them off."""
        return path.is_dir() and not differences(path, tree)

    def _make(self, path: Path, tree: BundleTree, fill: Fill) -> None:
        """Several processes may make the same copy at once; the first one stays, the others take it."""
        with self._staging.slot() as staged:
            self._fill(tree, staged, fill)
            with (self._root / ".repair").open("ab") as one_at_a_time:
                fcntl.flock(one_at_a_time, fcntl.LOCK_EX)
                if self._is_whole(path, tree):
                    return
                if path.exists():
                    path.rename(staged.with_name("damaged"))
                staged.rename(path)
        self._shared.keep(tree, path)
        self._staging.sweep()

    def _fill(self, tree: BundleTree, staged: Path, fill: Fill) -> None:
        """Make the files, out of those of other copies as far as these are undamaged, and compare them all."""
        wanted = self._shared.link(tree, staged)
        for entry in frozenset(tree) - frozenset(wanted):
            if not _is_right(staged / entry.path, entry):
                self._shared.forget(entry)
                (staged / entry.path).unlink()
                wanted.append(entry)
        if wanted:
            fill(tree if len(wanted) == len(tree) else BundleTree.of(wanted), staged)
        for entry in wanted if self._compares else ():
            if not _is_right(staged / entry.path, entry):
                raise BundleIntegrityException(f"{entry.path} did not arrive as it was registered; try again")

    def _evict(self, keep: Path) -> None:
        """Remove copies that nobody uses, oldest first, until the rest are small enough."""
        copies = sorted(
            (about.st_mtime, entry) for entry in self._copies() if (about := _stat(entry)) and entry != keep
        )
        for _, entry in copies:
            if disk_bytes(self._copies()) <= self._max_bytes:
                break
            self._remove(entry)
        self._shared.sweep()

    def _copies(self) -> list[Path]:
        found = entries(self._root)
        return [entry for entry in found if not entry.name.startswith(".") and entry.suffix != _LOCK]

    def _remove(self, path: Path) -> None:
        """Remove a copy, unless somebody uses it."""
        name = path.with_name(path.name + _LOCK)
        with suppress(OSError), name.open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_same(lock, name):
                remove_tree(path)
                name.unlink()

    def _not_writable(self, error: OSError) -> YataiRepositoryException:
        return YataiRepositoryException(
            f"{self._root}, where copies of bundles are kept, cannot be written: {error.strerror or error}; check its "
            "permissions and free space, or name another directory with BENTOML_HOME"
        )


class HeldCheckout:
    """Files of a bundle that are in use.

    Args:
        path: their directory.
        lock: what keeps others from removing it; None where it is no copy, but the registry's own.

    Attributes:
        path: their directory.
        is_copy: whether it is a copy, which is lost to whoever changes it.
    """

    def __init__(self, path: Path, lock: BinaryIO | None = None) -> None:
        self.path = path
        self.is_copy = lock is not None
        self._lock = lock

    def release(self) -> None:
        """Say that it is not used any more."""
        if self._lock is not None:
            self._lock.close()

    def leave_to_successor(self) -> None:
        """Hold it on when another program takes the place of this process."""
        if self._lock is not None:
            os.set_inheritable(self._lock.fileno(), True)


def disk_bytes(directories: Iterable[Path]) -> int:
    """Size of all files below directories, in bytes; what has several names counts once."""
    sizes: dict[int, int] = {}
    for directory in directories:
        for folder, _, files in os.walk(directory):
            for name in files:
                about = _stat(Path(folder, name))
                if about is not None:
                    sizes[about.st_ino] = about.st_size
    return sum(sizes.values())


def _is_right(path: Path, entry: TreeEntry) -> bool:
    return path.stat().st_size == entry.size_bytes and file_digest(path) == entry.sha256


def _is_same(file: BinaryIO, name: Path) -> bool:
    about = _stat(name)
    return about is not None and os.path.samestat(about, os.fstat(file.fileno()))


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.lstat()
    except FileNotFoundError:
        return None
