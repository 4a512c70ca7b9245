"""The list of files of a bundle in a directory."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from bentoml.exceptions import BadInput, YataiRepositoryException
from bentoml.saved_bundle.verified_files import file_digest
from bentoml.yatai.bundle_tree import BundleTree, TreeEntry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SKIPPED = "__pycache__"


def listed(directory: Path) -> BundleTree:
    """The tree of a directory; every file is read.

    Raises:
        YataiRepositoryException: the directory cannot be read, or holds what no bundle may.
    """
    try:
        return BundleTree.of(_entries(directory, ""))
    except OSError as error:
        raise YataiRepositoryException(f"{directory} cannot be read: {error}") from error
    except BadInput as error:
        raise YataiRepositoryException(f"{directory} holds no bundle: {error}") from error


def _entries(directory: Path, prefix: str) -> Iterator[TreeEntry]:
    for path in sorted(directory.iterdir()):
        about = path.lstat()
        name = f"{prefix}{path.name}"
        if stat.S_ISDIR(about.st_mode):
            if path.name != _SKIPPED:
                yield from _entries(path, f"{name}/")
        elif stat.S_ISREG(about.st_mode):
            yield TreeEntry(name, about.st_size, file_digest(path), bool(about.st_mode & stat.S_IXUSR))
        else:
            raise BadInput(f"{os.fspath(path)} is neither a file nor a directory")
