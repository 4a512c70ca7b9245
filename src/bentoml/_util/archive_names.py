"""Names of files from strangers: which are refused, and that no two mean the same file."""

from __future__ import annotations

import os
import re
import unicodedata
from typing import TYPE_CHECKING

from bentoml.exceptions import BadInput

if TYPE_CHECKING:
    from bentoml._util.archive_stream import ArchiveLimits

_PART_BYTES = 255
_PATH_BYTES = 1024
_UNFIT = re.compile(r"[\x00-\x1f\x7f\\]")


class MemberNames:
    """The names that have been taken out of one archive, or another list of files.

    Args:
        limits: of which those of the number and depth of names are kept here.
        source: what holds the names, for messages.
    """

    def __init__(self, limits: ArchiveLimits, source: str = "the archive") -> None:
        self._limits = limits
        self._source = source
        # By the form that a file system without case or Unicode forms would compare: the name, whether a directory.
        self._taken: dict[str, tuple[str, bool]] = {}
        self._members = 0

    def take(self, name: str, *, is_directory: bool) -> tuple[str, ...]:
        """Enter a name.

        Args:
            name: as it stands there.
            is_directory: else it is a file.

        Returns:
            The parts of the path, below the directory that is unpacked into.

        Raises:
            BadInput: the name leads out of the archive, cannot be a name of a file everywhere, or is taken.
        """
        self._members += 1
        if self._members > self._limits.max_members:
            self._refuse_number()
        if name.startswith(("/", "\\")) or ".." in name.replace("\\", "/").split("/"):
            raise BadInput(f"{self._source} holds {name!r}, which lies outside of it")
        parts = tuple(part for part in name.split("/") if part not in {"", "."})
        if _UNFIT.search(name) or (not parts and not is_directory) or _is_long(parts):
            raise BadInput(f"{self._source} holds {name[:200]!r}, which is no name of a file")
        if len(parts) > self._limits.max_depth:
            raise BadInput(
                f"{self._source} holds {name!r}, which lies deeper than {self._limits.max_depth} directories"
            )
        for length in range(1, len(parts) + 1):
            self._enter("/".join(parts[:length]), is_directory=is_directory or length < len(parts))
        return parts

    def _enter(self, path: str, *, is_directory: bool) -> None:
        compared = _compared(path)
        known = self._taken.get(compared)
        if known is None:
            self._taken[compared] = (path, is_directory)
            if len(self._taken) > self._limits.max_members:
                self._refuse_number()
            return
        known_path, known_is_directory = known
        if known_path != path:
            raise BadInput(f"{self._source} holds {path!r} and {known_path!r}, which are one name on some machines")
        if not (is_directory and known_is_directory):
            raise BadInput(f"{self._source} holds a name twice, or one below a file: {path!r}")

    def _refuse_number(self) -> None:
        raise BadInput(f"{self._source} holds more than {self._limits.max_members} files and directories")


def _is_long(parts: tuple[str, ...]) -> bool:
    sizes = [len(os.fsencode(part)) for part in parts]
    return max(sizes, default=0) > _PART_BYTES or sum(sizes) + len(sizes) > _PATH_BYTES


def _compared(path: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", path).casefold())
