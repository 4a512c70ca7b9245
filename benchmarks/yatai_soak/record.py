"""What clients did, what they were answered, and how long it took."""

from __future__ import annotations

import threading
from collections import defaultdict
from dataclasses import dataclass, field


@dataclass
class Version:
    """A bundle as its owner, who alone changes it, knows it.

    Attributes:
        name: of the service.
        version: of the bundle.
        labels: as acknowledged.
        contents: SHA-256 of each file, by path.
        tree_digest: of the list of files.
        is_deleted: whether it is deleted now.
        is_purged: whether it is gone for good.
        is_changing: whether a deletion or its undoing was begun and not answered; then both may be seen.
        has_moved: how often that was.
    """

    name: str
    version: str
    labels: dict[str, str]
    contents: dict[str, str]
    tree_digest: str
    is_deleted: bool = False
    is_purged: bool = False
    is_changing: bool = False
    has_moved: int = 0

    @property
    def path(self) -> str:
        """Of it, below the address of the registry."""
        return f"/api/v1/bundles/{self.name}/{self.version}"


@dataclass(frozen=True)
class AliasMove:
    """An acknowledged change of an alias.

    Attributes:
        name: of the service.
        alias: that changed.
        version: that it stands for; None where it was removed.
        began_s: seconds since 1970, as the next.
        ended_s: when the answer was there.
    """

    name: str
    alias: str
    version: str | None
    began_s: float
    ended_s: float


@dataclass
class Record:
    """Of all clients together.

    Attributes:
        versions: that were pushed, by name and version.
        moves: of aliases.
        durations_s: of each kind of action.
        statuses: how often each came.
        problems: what must not be, one line each.
        most_memory_bytes: that the registry had in use.
    """

    versions: dict[tuple[str, str], Version] = field(default_factory=dict)
    moves: list[AliasMove] = field(default_factory=list)
    durations_s: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    statuses: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))
    problems: list[str] = field(default_factory=list)
    most_memory_bytes: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def took(self, kind: str, duration_s: float) -> None:
        """Note how long an action took."""
        with self.lock:
            self.durations_s[kind].append(duration_s)

    def count(self, status: int) -> None:
        """Note the status of an answer."""
        with self.lock:
            self.statuses[status] += 1

    def expect(self, is_right: bool, text: str) -> bool:
        """Note a problem, unless things are as they should be."""
        if not is_right:
            with self.lock:
                self.problems.append(text)
        return is_right

    def add(self, version: Version) -> None:
        """A bundle was pushed."""
        with self.lock:
            self.versions[version.name, version.version] = version

    def moved(self, move: AliasMove) -> None:
        """An alias was changed."""
        with self.lock:
            self.moves.append(move)

    def some_versions(self) -> list[Version]:
        """All that are known now."""
        with self.lock:
            return list(self.versions.values())
