"""What was worked out before, by key, in bounded memory."""

from __future__ import annotations

from typing import TypeVar

KeyT = TypeVar("KeyT")
ValueT = TypeVar("ValueT")


class BoundedMemo(dict[KeyT, ValueT]):
    """A dict that forgets everything when it is full: keys that come from strangers must not take memory.

    Looking up costs what it costs in a dict; entries that are in use come back at once.

    Args:
        limit: most entries.
    """

    __slots__ = ("_limit",)

    def __init__(self, limit: int) -> None:
        super().__init__()
        self._limit = limit

    def keep(self, key: KeyT, value: ValueT) -> None:
        """Put in an entry."""
        if len(self) >= self._limit:
            self.clear()
        self[key] = value
