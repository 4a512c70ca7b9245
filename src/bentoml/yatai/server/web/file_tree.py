"""The files of a bundle as directories, and one of them as lines of text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

LARGEST_SHOWN_BYTES = 512 * 1024
_LONGEST_LINE = 2_000


@dataclass(frozen=True)
class Entry:
    """One line of a directory.

    Attributes:
        path: from the root of the bundle.
        size_bytes: of a directory, all that is in it.
    """

    name: str
    path: str
    is_directory: bool
    size_bytes: int


def directory_entries(files: Iterable[tuple[str, int]], directory: str) -> list[Entry]:
    """What is in a directory: its directories first, then its files, each by name.

    Args:
        files: path and size of every file of the bundle.
        directory: its path; empty for the root.
    """
    prefix = f"{directory}/" if directory else ""
    found: dict[str, Entry] = {}
    for path, size_bytes in files:
        if not path.startswith(prefix):
            continue
        name, slash, _ = path[len(prefix) :].partition("/")
        before = found[name].size_bytes if name in found else 0
        found[name] = Entry(name, prefix + name, bool(slash), before + size_bytes)
    return sorted(found.values(), key=lambda entry: (not entry.is_directory, entry.name.casefold(), entry.name))


def text_lines(content: bytes) -> Sequence[str] | None:
    """The lines of a text; None when it is none."""
    if b"\0" in content[:8192]:
        return None
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return [line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]}…" for line in text.splitlines()]
