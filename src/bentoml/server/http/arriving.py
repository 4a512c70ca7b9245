"""How much memory requests may take while they still arrive."""

from __future__ import annotations

MAX_ARRIVING_BYTES = 1 << 30


class Arriving:
    """Bytes of bodies that are not complete: many clients that send slowly must not take all the memory.

    Args:
        limit_bytes: for all connections together.
    """

    __slots__ = ("_limit_bytes", "size_bytes")

    def __init__(self, limit_bytes: int = MAX_ARRIVING_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self.size_bytes = 0

    def take(self, size_bytes: int) -> bool:
        """Count bytes that have come; False when there is no room, and they are not counted."""
        if self.size_bytes + size_bytes > self._limit_bytes:
            return False
        self.size_bytes += size_bytes
        return True

    def give_back(self, size_bytes: int) -> None:
        """Bytes that were counted are complete, or dropped."""
        self.size_bytes -= size_bytes
