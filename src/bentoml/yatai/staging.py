"""Directories in which bundles are made, and what becomes of those whose process is dead."""

from __future__ import annotations

import errno
import logging
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bentoml.yatai.owner import Owner
from bentoml.yatai.trees import remove_tree

if TYPE_CHECKING:
    from collections.abc import Iterator

logger = logging.getLogger(__name__)

# After this time a staging directory of a process on another machine is taken to be abandoned.
_FOREIGN_STAGING_LIFETIME_S = 7 * 24 * 3600

# What can go wrong while a bundle is written that is about the disk, and not about the bundle.
_DISK_FAILURES = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO})


class StagingError(Exception):
    """The disk cannot be written.

    Attributes:
        cause: what the system says.
    """

    def __init__(self, cause: OSError) -> None:
        super().__init__(str(cause))
        self.cause = cause


class StagingArea:
    """A directory with one directory for each bundle that is being made.

    Args:
        root: the directory; made by the first bundle.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    @contextmanager
    def slot(self) -> Iterator[Path]:
        """An empty directory; what is still there after the block is removed.

        Raises:
            StagingError: the disk cannot be written, now or in the block.
        """
        try:
            self._root.mkdir(parents=True, exist_ok=True)
            slot = Path(tempfile.mkdtemp(dir=self._root, prefix=f"{Owner.current().token}~"))
            staged = slot / "bundle"
            staged.mkdir()
        except OSError as error:
            raise StagingError(error) from error
        try:
            yield staged
        except OSError as error:
            if error.errno not in _DISK_FAILURES:
                raise
            raise StagingError(error) from error
        finally:
            remove_tree(slot)

    def sweep(self) -> None:
        """Remove what dead processes have left."""
        for entry in entries(self._root):
            if _is_abandoned(entry):
                remove_unneeded(entry)


def entries(directory: Path) -> list[Path]:
    """What is in a directory; nothing when there is none."""
    try:
        return sorted(directory.iterdir())
    except OSError:
        return []  # not made yet, or not ours to read: nothing that could be removed


def remove_unneeded(entry: Path) -> None:
    """Remove a tree; what cannot be removed now is left for the next time, with a warning."""
    try:
        remove_tree(entry)
    except OSError as error:
        logger.warning("%s is not needed any more but cannot be removed: %s", entry, error)


def _is_abandoned(slot: Path) -> bool:
    """Whether the process that made a staging directory is dead."""
    owner = Owner.parse(slot.name.rpartition("~")[0])
    alive = owner.is_alive() if owner is not None else None
    if alive is not None:
        return not alive
    try:
        return time.time() - slot.stat().st_mtime > _FOREIGN_STAGING_LIFETIME_S
    except OSError:
        return False  # gone meanwhile
