"""What a place for bytes can do, whatever library reaches it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

ALREADY_THERE = "there is something already, and nothing was written; give another address, or replace=True"


@dataclass(frozen=True)
class ObjectStream:
    """An object that is being read, once from front to back.

    Attributes:
        size_bytes: as the store says before the first byte; None when it does not say.
        chunks: the bytes. An error is raised when they are not as many as was said.
    """

    size_bytes: int | None
    chunks: Iterator[bytes]


class ByteStore(Protocol):
    """Objects that are read and written whole.

    Every method raises `NotFound` for what is not there, `Unauthenticated` where access is refused, `InvalidArgument`
    for names and places that are not used, and else `BentoMLException`.
    """

    def open(self, name: str) -> AbstractContextManager[ObjectStream]:
        """Begin to read an object."""
        ...

    def write(self, name: str, source: IO[bytes], size_bytes: int, *, replace: bool = True) -> None:
        """Write an object, which is seen when all of it is there and not before.

        Args:
            name: of the object.
            source: read from where it stands, never whole into memory.
            size_bytes: how many bytes follow there.
            replace: let it take the place of one of that name; else that is an error.
        """
        ...


class ObjectStore(ByteStore, Protocol):
    """Objects with names in a bucket."""

    def exists(self, name: str) -> bool:
        """Whether there is an object of this name."""
        ...

    def names(self, prefix: str = "") -> Iterator[str]:
        """Names of the objects in a directory and below it, in no order.

        Args:
            prefix: name of the directory; empty for all.
        """
        ...
