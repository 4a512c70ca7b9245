"""Directories of uploads of which nothing has come for long."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def silent_uploads(parent: Path, since_s: float) -> list[Path]:
    """Those in which nothing has changed since a time.

    Args:
        parent: has a directory for each upload; it need not be there.
        since_s: seconds since 1970.
    """
    if not parent.is_dir():
        return []
    return [path for path in parent.iterdir() if _last_change_s(path) <= since_s]


def _last_change_s(directory: Path) -> float:
    """When something has last come; now, where the directory is gone meanwhile."""
    try:
        return max(path.stat().st_mtime for path in (directory, *directory.iterdir()))
    except OSError:
        return time.time()
