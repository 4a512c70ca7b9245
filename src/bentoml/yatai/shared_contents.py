"""Files that several copies of bundles have in common: kept once, by hard links, and not fetched again."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING

from bentoml.yatai.staging import entries

if TYPE_CHECKING:
    from pathlib import Path

    from bentoml.yatai.bundle_tree import BundleTree, TreeEntry

# Smaller ones are fetched as quickly as they are looked for.
SHARED_BYTES = 1 << 20


class SharedContents:
    """Names of large files by their digests; a file goes with the last copy that has it.

    Args:
        root: directory for the names, on the disk of the copies; made by the first.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def link(self, tree: BundleTree, directory: Path) -> list[TreeEntry]:
        """Make those files of a tree that other copies have; the rest is given back.

        What is linked may have been damaged meanwhile: compare it with its digest.
        """
        rest = []
        for entry in tree:
            source, target = self._name(entry), directory / entry.path
            if not _is_shared(entry) or not _has_mode(source, entry):
                rest.append(entry)
                continue
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.hardlink_to(source)
            except OSError:
                rest.append(entry)
        return rest

    def keep(self, tree: BundleTree, directory: Path) -> None:
        """Give the large files of a complete copy their names; a disk without links shares nothing."""
        for entry in filter(_is_shared, tree):
            name = self._name(entry)
            with suppress(OSError):
                name.parent.mkdir(parents=True, exist_ok=True)
                name.hardlink_to(directory / entry.path)

    def forget(self, entry: TreeEntry) -> None:
        """Take away the name of a file that has another content."""
        self._name(entry).unlink(missing_ok=True)

    def sweep(self) -> None:
        """Remove the files that no copy has any more."""
        for name in entries(self._root):
            with suppress(OSError):
                if name.lstat().st_nlink == 1:
                    name.unlink()

    def _name(self, entry: TreeEntry) -> Path:
        return self._root / (f"{entry.sha256}.x" if entry.executable else entry.sha256)


def _is_shared(entry: TreeEntry) -> bool:
    return entry.size_bytes >= SHARED_BYTES


def _has_mode(path: Path, entry: TreeEntry) -> bool:
    """Whether a file is there, of the right size and mode."""
    try:
        about = path.lstat()
    except OSError:
        return False
    is_executable = bool(about.st_mode & stat.S_IXUSR)
    return (about.st_size, is_executable) == (entry.size_bytes, entry.executable) and os.access(path, os.R_OK)
