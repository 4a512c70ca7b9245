"""Where contents of files are kept. `ContentStore` is the port, `tests/yatai/test_content_store.py` its contract.

A key is used for one content and never again, also when the same content is kept a second time: whoever removes what
a key names, after nothing speaks of that key any more, can never remove what somebody else has just brought. Which key
holds which content is for the catalog to know; a key begins with the digits of the digest, for people who look.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from bentoml.exceptions import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from contextlib import AbstractContextManager
    from datetime import datetime
    from pathlib import Path

    from bentoml.storage.base import ObjectStream

_KEY = re.compile(r"[0-9a-f]{64}\.[0-9a-f]{16}")


@dataclass(frozen=True)
class ContentEntry:
    """What lies in a store.

    Attributes:
        key: its name there.
        size_bytes: its size.
        modified_at: no earlier than the time when it was put there, but for objects that came in parts, which have the
            time when that began.
        is_shared: whether another file has its bytes, such as one of a bundle.
    """

    key: str
    size_bytes: int
    modified_at: datetime
    is_shared: bool = False


class ContentStore(Protocol):
    """Contents of files, by key.

    Every method raises `YataiRepositoryException`, or what `bentoml.storage` raises, when the store cannot be reached,
    read or written.
    """

    @property
    def is_remote(self) -> bool:
        """Whether calls go over a network: then several at once are quicker, and what was done is worth keeping."""
        ...

    @property
    def address(self) -> str | None:
        """Where others may keep contents, too; None for a place that nobody else uses."""
        ...

    @property
    def mark_address(self) -> str:
        """Where the mark is."""
        ...

    def read_mark(self) -> str | None:
        """What the catalog that the store belongs to has left there, see `store_claim`; None where nobody did."""
        ...

    def write_mark(self, mark: str) -> None:
        """Leave a mark, where there is none."""
        ...

    def take(self, source: Path, digest: str) -> str:
        """Keep the content of a local file, which must not be written into afterwards: the two may share their bytes.

        Args:
            source: the file.
            digest: of its content; it is not computed here.

        Returns:
            A new key. `flush` makes sure that the content is still there when the power has failed.
        """
        ...

    def reuse(self, key: str, size_bytes: int, twin: Path) -> bool:
        """See whether a content is there and as large as it should be.

        Args:
            key: of the content.
            size_bytes: as it should be.
            twin: a local file with the same content; a store on the same disk lets the two share their bytes.
        """
        ...

    def flush(self, keys: Collection[str]) -> None:
        """Wait until what has been taken is on disk."""
        ...

    def place(self, key: str, target: Path, *, executable: bool) -> None:
        """Make a local file with a content; nobody must write into it, as it may share its bytes with the store.

        The content is not compared with a digest.

        Raises:
            NotFound: there is no such key.
        """
        ...

    def open(
        self, key: str, start_byte: int = 0, size_bytes: int | None = None
    ) -> AbstractContextManager[ObjectStream]:
        """Begin to read a content, from `start_byte` on; `size_bytes` None reads to its end.

        Raises:
            NotFound: there is no such key.
            InvalidArgument: the content ends before.
        """
        ...

    def find(self, key: str) -> ContentEntry | None:
        """What is known about a key; None when there is nothing."""
        ...

    def entries(self) -> Iterator[ContentEntry]:
        """All that is in the store, in no order."""
        ...

    def delete(self, key: str) -> None:
        """Remove a content; nothing happens when it is gone already. Files that were placed stay."""
        ...

    def signed_url(self, key: str, lifetime_s: float) -> str | None:
        """An address of the web that reads a content without credentials; None where the store has none."""
        ...


def new_key(digest: str) -> str:
    """A key that nothing has had before.

    Args:
        digest: `sha256:` and 64 hexadecimal digits.
    """
    return f"{digest.removeprefix('sha256:')}.{secrets.token_hex(8)}"


def key_path(key: str) -> str:
    """Where a key is below the root of a store: `<first two digits>/<key>`.

    Raises:
        InvalidArgument: it is no key.
    """
    if not is_key(key):
        raise InvalidArgument(f"{key!r} is no key of a content")
    return f"{key[:2]}/{key}"


def is_key(text: str) -> bool:
    """Whether a text is a key."""
    return _KEY.fullmatch(text) is not None
