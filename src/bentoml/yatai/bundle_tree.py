"""The files of a bundle as a list: the same files give the same list, and the list one digest.

The document is JSON, with sorted keys and entries and without spaces, in UTF-8:

```
{"files":[{"executable":false,"path":"bentoml.yml","sha256":"<64 hex digits>","size_bytes":912}],"format":1}
```

A digest is written `sha256:<64 hex digits>`, that of a tree as well as that of a file. Only files count: a directory
that is empty is not in the list, nor are caches of compiled Python.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from bentoml._util.archive_names import MemberNames
from bentoml._util.archive_stream import ArchiveLimits
from bentoml.exceptions import BadInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FORMAT = 1
EMPTY_DIGEST = f"sha256:{hashlib.sha256().hexdigest()}"
# The largest number that every reader of JSON keeps exactly.
_LARGEST_SIZE_BYTES = (1 << 53) - 1
_HEX = re.compile(r"[0-9a-f]{64}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_ENTRY_KEYS = frozenset({"executable", "path", "sha256", "size_bytes"})
_WHAT = "the list of files"


@dataclass(frozen=True)
class TreeLimits:
    """How large a tree may be.

    Attributes:
        max_files: files, and the directories that their paths name.
        max_size_bytes: of all files together.
        max_depth: directories above one another.
        max_document_bytes: of the document.
    """

    max_files: int = 200_000
    max_size_bytes: int = 64 << 30
    max_depth: int = 32
    max_document_bytes: int = 64 << 20


@dataclass(frozen=True, order=True)
class TreeEntry:
    """One file.

    Attributes:
        path: relative to the bundle, with `/` between its parts.
        size_bytes: its size.
        sha256: digest of the content, 64 hexadecimal digits.
        executable: whether its owner may execute it.
    """

    path: str
    size_bytes: int
    sha256: str
    executable: bool = False

    @property
    def digest(self) -> str:
        """`sha256:` and the digits."""
        return f"sha256:{self.sha256}"

    def to_json(self) -> dict[str, Any]:
        """The entry in the document."""
        return {
            "executable": self.executable,
            "path": self.path,
            "sha256": self.sha256,
            "size_bytes": self.size_bytes,
        }


@dataclass(frozen=True)
class BundleTree:
    """The files of a bundle, sorted by path. Make it with `of` or `parse`, which check it.

    Attributes:
        entries: one for each file.
    """

    entries: tuple[TreeEntry, ...]

    @classmethod
    def of(cls, entries: Iterable[TreeEntry], limits: TreeLimits | None = None) -> BundleTree:
        """The tree of some files, given in any order.

        Raises:
            BadInput: they cannot lie in one directory on every machine, or are too many or too large.
        """
        ordered = tuple(sorted(entries, key=lambda entry: entry.path))
        _check(ordered, limits or TreeLimits())
        return cls(ordered)

    @classmethod
    def parse(cls, document: bytes | str | Mapping[str, Any], limits: TreeLimits | None = None) -> BundleTree:
        """Read a document from anybody.

        Args:
            document: the JSON, or what it was decoded to.
            limits: how large the tree may be.

        Raises:
            BadInput: it is not such a document, names files that are refused, or is too large.
        """
        limits = limits or TreeLimits()
        found = document if isinstance(document, Mapping) else _decoded(document, limits)
        if not isinstance(found, Mapping) or set(found) != {"files", "format"}:
            raise BadInput(f'{_WHAT} is no object with "files" and "format"')
        if found["format"] != FORMAT or type(found["format"]) is not int:
            raise BadInput(f"{_WHAT} has the format {str(found['format'])[:40]!r}; this version knows {FORMAT}")
        files = found["files"]
        if not isinstance(files, list) or len(files) > limits.max_files:
            raise BadInput(f"{_WHAT} has no array of at most {limits.max_files} files")
        entries = tuple(_entry(item, number) for number, item in enumerate(files))
        if any(first.path >= second.path for first, second in pairwise(entries)):
            raise BadInput(f"{_WHAT} is not sorted by path, or holds a path twice")
        _check(entries, limits)
        return cls(entries)

    @cached_property
    def document(self) -> bytes:
        """The JSON in its one form."""
        return json.dumps(self.to_json(), ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()

    def to_json(self) -> dict[str, Any]:
        """What the document is of."""
        return {"files": [entry.to_json() for entry in self.entries], "format": FORMAT}

    @cached_property
    def digest(self) -> str:
        """Digest of the document."""
        return f"sha256:{hashlib.sha256(self.document).hexdigest()}"

    @cached_property
    def size_bytes(self) -> int:
        """Size of all files; content that is there twice counts twice."""
        return sum(entry.size_bytes for entry in self.entries)

    @cached_property
    def contents(self) -> dict[str, int]:
        """Size in bytes by digest, once for each content."""
        return {entry.digest: entry.size_bytes for entry in self.entries}

    @cached_property
    def _by_path(self) -> dict[str, TreeEntry]:
        return {entry.path: entry for entry in self.entries}

    def find(self, path: str) -> TreeEntry | None:
        """The file at a path, if there is one."""
        return self._by_path.get(path)

    def __iter__(self) -> Iterator[TreeEntry]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)


def is_digest(text: str) -> bool:
    """Whether a text is `sha256:` and 64 hexadecimal digits in lower case."""
    return _DIGEST.fullmatch(text) is not None


def _decoded(document: bytes | str, limits: TreeLimits) -> Any:
    if len(document) > limits.max_document_bytes:
        raise BadInput(f"{_WHAT} is larger than {limits.max_document_bytes} bytes")
    try:
        return json.loads(document, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:  # also what is no UTF-8, and numbers with thousands of digits
        raise BadInput(f"{_WHAT} is no JSON: {str(error)[:200]}") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object has a key twice")
    return found


def _entry(item: Any, number: int) -> TreeEntry:
    where = f"file {number} in {_WHAT}"
    if not isinstance(item, Mapping) or set(item) != _ENTRY_KEYS:
        raise BadInput(f"{where} has not the keys {', '.join(sorted(_ENTRY_KEYS))}")
    path, sha256, size_bytes = item["path"], item["sha256"], item["size_bytes"]
    if not isinstance(path, str):
        raise BadInput(f"{where}: the path is no text")
    if not isinstance(sha256, str) or _HEX.fullmatch(sha256) is None:
        raise BadInput(f"{where}: sha256 is not 64 hexadecimal digits in lower case")
    if type(size_bytes) is not int or not 0 <= size_bytes <= _LARGEST_SIZE_BYTES:
        raise BadInput(f"{where}: size_bytes is no number of bytes")
    if type(item["executable"]) is not bool:
        raise BadInput(f"{where}: executable is neither true nor false")
    return TreeEntry(path, size_bytes, sha256, item["executable"])


def _check(entries: tuple[TreeEntry, ...], limits: TreeLimits) -> None:
    names = MemberNames(ArchiveLimits(max_members=limits.max_files, max_depth=limits.max_depth), _WHAT)
    sizes: dict[str, int] = {}
    for entry in entries:
        try:
            entry.path.encode()
        except UnicodeEncodeError:
            raise BadInput(f"{_WHAT} holds {entry.path!r}, which is no text in UTF-8") from None
        if "/".join(names.take(entry.path, is_directory=False)) != entry.path:
            raise BadInput(f"{_WHAT} holds {entry.path!r}, which has an empty part, or one of dots")
        if sizes.setdefault(entry.sha256, entry.size_bytes) != entry.size_bytes:
            raise BadInput(f"{_WHAT} gives one content two sizes: {entry.path!r}")
        if entry.size_bytes == 0 and entry.digest != EMPTY_DIGEST:
            raise BadInput(f"{_WHAT}: {entry.path!r} is empty, but its digest is not that of nothing")
    total_bytes = sum(entry.size_bytes for entry in entries)
    if total_bytes > limits.max_size_bytes:
        raise BadInput(f"the files are {total_bytes} bytes together, and {limits.max_size_bytes} are allowed")
