"""One content of an upload as it comes, and what has come as a bundle."""

from __future__ import annotations

import hashlib
import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

from bentoml.exceptions import BentoMLException, InvalidArgument
from bentoml.yatai.server.errors import RequestRefused

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from bentoml.types import Tag
    from bentoml.yatai.bundle_tree import BundleTree, TreeEntry

_PART = ".part"


@dataclass(frozen=True)
class Upload:
    """An upload that has begun.

    Attributes:
        id: 32 hexadecimal digits.
        tag: of the bundle.
        tree: its files.
        expires_at: when it is given up, if nothing comes.
    """

    id: str
    tag: Tag
    tree: BundleTree
    expires_at: datetime


@dataclass(frozen=True)
class Missing:
    """A content that is not whole yet.

    Attributes:
        digest: of it.
        size_bytes: of all of it.
        offset: bytes of it that have come.
    """

    digest: str
    size_bytes: int
    offset: int


class Receiver:
    """Bytes of one content, as they come.

    Args:
        whole: name of the file once it is right.
        file: the file as it grows; None for one that is right already.
        digest: of the content.
        size_bytes: of all of it.
        offset: bytes that have come.

    Attributes:
        offset: bytes that have come.
        size_bytes: of all of it.
    """

    def __init__(self, whole: Path, file: BinaryIO | None, digest: str, size_bytes: int, offset: int) -> None:
        self._whole = whole
        self._file = file
        self._digest = digest
        self.size_bytes = size_bytes
        self.offset = offset
        # Only of a content that comes in one go.
        self._hash = hashlib.sha256() if offset == 0 else None

    @property
    def is_whole(self) -> bool:
        """Whether all has come."""
        return self.offset == self.size_bytes

    def take(self, data: bytes) -> None:
        """Append bytes; they outlive the process.

        Raises:
            InvalidArgument: they are more than the content has; nothing of them is kept.
        """
        if self.offset + len(data) > self.size_bytes or self._file is None:
            raise InvalidArgument(f"the content has {self.size_bytes} bytes, and more came")
        self._file.write(data)
        self._file.flush()
        if self._hash is not None:
            self._hash.update(data)
        self.offset += len(data)

    def finish(self) -> None:
        """Compare the content with its digest, when all has come.

        Raises:
            RequestRefused: it is another one; what has come is dropped.
        """
        if self._file is None or not self.is_whole:
            return
        os.fsync(self._file.fileno())
        part = part_of(self._whole)
        if self._hash is None:
            with part.open("rb") as file:
                self._hash = hashlib.sha256()
                while chunk := file.read(1 << 20):
                    self._hash.update(chunk)
        if f"sha256:{self._hash.hexdigest()}" != self._digest:
            part.unlink(missing_ok=True)
            raise RequestRefused(
                422, f"The bytes are not those of {self._digest}; send them again from 0", {"upload-offset": "0"}
            )
        part.rename(self._whole)


def place_file(content: Path, directory: Path, entry: TreeEntry, *, is_copy: bool) -> None:
    """Make a file of a bundle out of a content that has come.

    Args:
        content: what has come; not looked at for an empty file.
        directory: of the bundle.
        entry: the file.
        is_copy: whether it may share nothing with the content, as files of one content may have two modes.

    Raises:
        RequestRefused: the content has gone meanwhile.
    """
    target = directory / entry.path
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        if entry.size_bytes == 0:
            target.touch()
        elif is_copy or not _is_linked(content, target):
            shutil.copyfile(content, target)
    except FileNotFoundError as error:
        # A commit before this one has ended, for which its client did not wait; or somebody has given the upload up.
        raise RequestRefused(503, "Another request ends this upload; try again in a moment") from error
    target.chmod(0o755 if entry.executable else 0o644)


def _is_linked(content: Path, target: Path) -> bool:
    try:
        target.hardlink_to(content)
    except OSError:
        return False
    return True


def bundle_metadata(directory: Path, tag: Tag, tree: BundleTree | None = None) -> Any:
    """What the manifest of a bundle says, after all its files were checked.

    Args:
        directory: of the bundle.
        tag: that it should have.
        tree: its files, whose digests are known to be right, and which are not all in the directory; None reads them.

    Raises:
        InvalidArgument: it is no bundle, a damaged one, or one of another tag.
    """
    from bentoml.saved_bundle import load_bento_service_metadata
    from bentoml.saved_bundle.integrity import verify_bundle, verify_known

    try:
        if tree is None:
            verify_bundle(directory)
        else:
            verify_known(directory, {entry.path: entry.sha256 for entry in tree})
        metadata = load_bento_service_metadata(str(directory))
    except BentoMLException as error:
        text = str(error).replace(f"{directory}/", "").replace(str(directory), "it")
        raise InvalidArgument(f"this is no bundle: {text}") from error
    if (metadata.name, metadata.version) != (tag.name, tag.version):
        raise InvalidArgument(f"the files are those of {metadata.name}:{metadata.version}, and not of {tag}")
    return metadata


def part_of(whole: Path) -> Path:
    """Where a content is as long as it is not whole."""
    return whole.with_name(whole.name + _PART)


def size_of(path: Path) -> int:
    """Size of a file in bytes; 0 where there is none."""
    with suppress(FileNotFoundError):
        return path.stat().st_size
    return 0


def wrong_offset(arrived: int) -> RequestRefused:
    """The refusal of bytes that do not follow those that have come."""
    return RequestRefused(
        409,
        f"{arrived} bytes have come; send those behind them, with Upload-Offset: {arrived}",
        {"upload-offset": str(arrived)},
    )
