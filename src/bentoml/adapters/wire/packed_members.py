"""Unpacking a body made of one or more members, piece by piece."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CHUNK_BYTES = 1024 * 1024
# Nobody needs more, and each costs memory and time that its few bytes do not show.
MAX_MEMBERS = 10_000
# What follows a member in a piece is copied for the next one: small pieces where members are small.
_FIRST_PIECE_BYTES = 4 * 1024
_LARGEST_PIECE_BYTES = 256 * 1024


class PackedError(ValueError):
    """A body is damaged, cut short, or not packed in the way that it says."""


class Member(Protocol):
    """Unpacks one member; what `zlib` (by `ZlibMember`) and `compression.zstd` have in common."""

    @property
    def eof(self) -> bool:
        """Whether the member has ended."""

    @property
    def needs_input(self) -> bool:
        """Whether there is no more to come from what was given."""

    @property
    def unused_data(self) -> bytes:
        """What was given after the end of the member."""

    def decompress(self, data: bytes | memoryview, max_length: int) -> bytes:
        """Unpack no more than so many bytes."""


def unpack_members(
    body: bytes, new_member: Callable[[], Member], *, padding: bytes = b"", most: int = MAX_MEMBERS
) -> Iterator[bytes]:
    """Unpack one member after the other, in chunks of at most `CHUNK_BYTES`.

    Args:
        body: the members, with nothing between or after them.
        new_member: makes what unpacks the next one.
        padding: bytes that may follow the last member.
        most: how many members there may be.

    Raises:
        PackedError: the last member is cut short, or there are more than `most`.
    """
    view = memoryview(body)
    start = 0
    for _ in range(most):
        member = new_member()
        piece_bytes = _FIRST_PIECE_BYTES
        while not member.eof:
            piece = view[start : start + piece_bytes] if member.needs_input else view[:0]
            if member.needs_input and not piece:
                raise PackedError("the last member is cut short")
            start += len(piece)
            piece_bytes = min(2 * piece_bytes, _LARGEST_PIECE_BYTES)
            yield member.decompress(piece, CHUNK_BYTES)
        start -= len(member.unused_data)
        if start == len(body) or (padding and not body[start:].strip(padding)):
            return
    raise PackedError(f"it has more than {most} members")
