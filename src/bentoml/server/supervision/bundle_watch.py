"""Whether the bundle to serve has changed: another one was saved under the tag, or its directory has other files."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True)
class BundleMark:
    """What tells one state of a bundle from another.

    Attributes:
        path: its directory.
        files: name below it, time of the last change in nanoseconds and size in bytes, of every file.
    """

    path: Path
    files: frozenset[tuple[str, int, int]]

    @classmethod
    def of(cls, path: Path) -> BundleMark:
        """Look at a bundle's directory.

        Raises:
            OSError: it cannot be read, as while it is being replaced.
        """
        return cls(path, frozenset(_files(path, "")))


def _files(directory: Path | str, prefix: str) -> Iterator[tuple[str, int, int]]:
    with os.scandir(directory) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                # Written by the workers themselves when they import the bundle.
                if entry.name != "__pycache__":
                    yield from _files(entry.path, f"{prefix}{entry.name}/")
            else:
                status = entry.stat(follow_symlinks=False)
                yield prefix + entry.name, status.st_mtime_ns, status.st_size


class BundleWatch:
    """Decides when a bundle is to be loaded, from looks at it. Pure: the looks are given.

    Args:
        served: the bundle that is loaded already.
    """

    def __init__(self, served: BundleMark | None) -> None:
        self._tried = served
        self._last_seen = served

    def is_due(self, seen: BundleMark) -> bool:
        """Whether it is another bundle than the last one tried; twice seen alike, as it may still be being written."""
        is_settled = seen == self._last_seen
        self._last_seen = seen
        return is_settled and seen != self._tried

    def tried(self, mark: BundleMark) -> None:
        """A bundle is being loaded; whatever comes of it, it is not tried again by itself."""
        self._tried = self._last_seen = mark
