"""Directory trees: copied, put on disk for good, removed."""

from __future__ import annotations

import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path


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


def sync_tree(root: Path) -> None:
    """Wait until all files and directories below `root`, and `root` itself, are on disk."""
    for folder, _directories, files in os.walk(root, topdown=False, onerror=_raise):
        for name in files:
            sync(Path(folder, name))
        sync(Path(folder))


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
