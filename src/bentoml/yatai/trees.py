"""Directory trees: copied, put on disk for good, removed."""

from __future__ import annotations

import os
import shutil
import stat
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from bentoml._util.files import staged_directory
from bentoml.exceptions import YataiRepositoryException

if TYPE_CHECKING:
    from collections.abc import Sequence

_SYNCED_AT_ONCE = 16


def copy_tree(source: Path, target: Path) -> None:
    """Copy the contents of `source` into the existing directory `target`.

    Files keep their mode bits; links to files become files; caches of compiled Python are left out.

    Raises:
        OSError: something cannot be read or written, or is neither a file nor a directory.
    """
    for folder, directories, files in os.walk(source, onerror=_raise):
        directories[:] = [name for name in directories if name != "__pycache__"]
        here = Path(folder)
        there = target / here.relative_to(source)
        for name in directories:
            if (here / name).is_symlink():
                raise OSError(f"{here / name} is a link to a directory; put a copy in its place")
            (there / name).mkdir(exist_ok=True)
        for name in files:
            shutil.copy(here / name, there / name)


def copy_bundle(source: Path, target: Path) -> None:
    """Copy a bundle to the new directory `target`, all or nothing; the copy shares nothing with the original.

    Raises:
        YataiRepositoryException: it cannot be read or written, or `target` exists.
    """
    try:
        target.absolute().parent.mkdir(parents=True, exist_ok=True)
        with staged_directory(target.absolute()) as staged:
            copy_tree(source, staged)
    except OSError as error:
        raise YataiRepositoryException(f"{source} cannot be copied to {target}: {error}") from error


def sync_tree(root: Path) -> None:
    """Wait until all files and directories below `root`, and `root` itself, are on disk."""
    paths = []
    for folder, _directories, files in os.walk(root, onerror=_raise):
        paths += [Path(folder, name) for name in files]
        paths.append(Path(folder))
    sync_all(paths)


def sync_all(paths: Sequence[Path]) -> None:
    """Wait until files and directories are on disk.

    Several at once: the system writes them together then, which is quicker by far than one after the other.
    """
    if len(paths) < 2:
        for path in paths:
            sync(path)
        return
    with ThreadPoolExecutor(min(_SYNCED_AT_ONCE, len(paths))) as pool:
        for _ in pool.map(sync, paths):
            pass


def sync(path: Path) -> None:
    """Wait until one file or directory is on disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove_tree(root: Path) -> None:
    """Remove a tree, also while another process is removing it, and also below read-only directories."""
    while os.path.lexists(root):
        # Each time another process was quicker with some file, there is less left to remove.
        with suppress(FileNotFoundError):
            _remove_all(root)


def _remove_all(root: Path) -> None:
    try:
        shutil.rmtree(root)
    except PermissionError:
        _make_writable(root)
        shutil.rmtree(root)


def _make_writable(root: Path) -> None:
    for folder, _directories, _files in os.walk(root):
        path = Path(folder)
        path.chmod(stat.S_IMODE(path.stat().st_mode) | stat.S_IRWXU)


def _raise(error: OSError) -> None:
    raise error
