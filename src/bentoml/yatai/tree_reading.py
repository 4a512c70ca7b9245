"""The tree of a directory: from the digests that were saved with a bundle where they are, else from the files."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from bentoml.exceptions import BadInput, BundleIntegrityException
from bentoml.saved_bundle.integrity import has_digests, listed_digests
from bentoml.saved_bundle.verified_files import file_digest
from bentoml.yatai.bundle_tree import BundleTree, TreeEntry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bentoml.yatai.bundle_tree import TreeLimits


def read_tree(directory: Path, *, verify: bool = False, limits: TreeLimits | None = None) -> BundleTree:
    """The tree of a bundle in a directory.

    Args:
        directory: of the bundle.
        verify: compute every digest, and compare it with the one in `SHA256SUMS`; else those are taken as they are.
        limits: how large the tree may be.

    Raises:
        BadInput: the files cannot be a tree; the text names the first that is refused.
        BundleIntegrityException: a file is not the one that was saved, or is missing.
        OSError: a file cannot be read.
    """
    listed = listed_digests(directory) if has_digests(directory) else {}
    entries = []
    for name, path in _files_below(directory):
        about = path.lstat()
        if not stat.S_ISREG(about.st_mode):
            raise BadInput(f"{path} is neither a file nor a directory; put a copy of what it stands for in its place")
        known = listed.pop(name, None)
        sha256 = file_digest(path) if verify or known is None else known
        if known is not None and sha256 != known:
            raise BundleIntegrityException(f"{path} was changed after the bundle was saved; restore it")
        entries.append(TreeEntry(name, about.st_size, sha256, bool(about.st_mode & stat.S_IXUSR)))
    if listed:
        raise BundleIntegrityException(f"{directory / min(listed)} is missing from the bundle; restore it")
    return BundleTree.of(entries, limits)


def differences(directory: Path, tree: BundleTree, *, deep: bool = False) -> list[str]:
    """How the files in a directory differ from a tree, one line for each; files that were added are no difference.

    Args:
        directory: where they are.
        tree: what they should be.
        deep: compute their digests, too; else their sizes alone are compared.

    Raises:
        OSError: a file cannot be read.
    """
    found = []
    for entry in tree:
        path = directory / entry.path
        try:
            about = path.lstat()
        except (FileNotFoundError, NotADirectoryError):
            found.append(f"{path} is missing")
            continue
        if not stat.S_ISREG(about.st_mode):
            found.append(f"{path} is no file")
        elif about.st_size != entry.size_bytes:
            found.append(f"{path} has {about.st_size} bytes, and not {entry.size_bytes}")
        elif deep and file_digest(path) != entry.sha256:
            found.append(f"{path} has another content")
    return found


def _files_below(directory: Path, prefix: str = "") -> Iterator[tuple[str, Path]]:
    with os.scandir(directory) as found:
        entries = list(found)
    for entry in entries:
        if entry.name == "__pycache__":
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _files_below(Path(entry.path), f"{prefix}{entry.name}/")
        else:
            yield prefix + entry.name, Path(entry.path)
