"""What a place for bytes can do, whatever library reaches it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from datetime import datetime

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


@dataclass(frozen=True)
class ObjectEntry:
    """What a store says about an object.

    Attributes:
        name: of the object in its bucket.
        size_bytes: its size.
        modified_at: when it was written, by the clock of the store; for one that came in parts, when that began.
    """

    name: str
    size_bytes: int
    modified_at: datetime


class ObjectStore(ByteStore, Protocol):
    """Objects with names in a bucket."""

    def open_range(self, name: str, start_byte: int, size_bytes: int) -> AbstractContextManager[ObjectStream]:
        """Begin to read a part of an object.

        Args:
            name: of the object.
            start_byte: the first byte, counted from 0.
            size_bytes: how many; all of them have to be there.

        Raises:
            InvalidArgument: the object ends before.
        """
        ...

    def exists(self, name: str) -> bool:
        """Whether there is an object of this name."""
        ...

    def find(self, name: str) -> ObjectEntry | None:
        """What is known about an object; None when there is none of this name."""
        ...

    def names(self, prefix: str = "") -> Iterator[str]:
        """Names of the objects in a directory and below it, in no order.

        Args:
            prefix: name of the directory; empty for all.
        """
        ...

    def entries(self, prefix: str = "") -> Iterator[ObjectEntry]:
        """What is known about the objects in a directory and below it, in no order."""
        ...

    def delete(self, name: str) -> None:
        """Remove an object; nothing happens when there is none of this name."""
        ...

    def signed_url(self, name: str, lifetime_s: float) -> str | None:
        """An address of the web that reads an object without credentials.

        It is None where these credentials cannot sign, or not for this name. Nobody looks whether the object is there.

        Args:
            name: of the object.
            lifetime_s: how long the address is valid, in seconds.
        """
        ...
