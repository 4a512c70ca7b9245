"""Archives that came from elsewhere, unpacked as if a stranger had made them; and ours, packed the same each time.

Taken are tar archives, plain or through gzip, of files and directories alone. Nothing that an archive says about itself
is believed: links, devices, names that lead out of it, names that one file system would keep apart and another not,
sizes that would fill the disk or the memory, and anything before its end or after it, are refused.
"""

from __future__ import annotations

import functools
import gzip
import os
import stat
import tarfile
import zlib
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, cast

from bentoml._util.archive_names import MemberNames
from bentoml._util.archive_stream import ArchiveLimits, TarStream
from bentoml.exceptions import BadInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

_CHUNK_BYTES = 1 << 20
_ANY_LIMITS = ArchiveLimits()
_SKIPPED = "__pycache__"


class _StrictMember(tarfile.TarInfo):
    """A member whose header has to be one: where the ordinary reader takes damage for the end, this one says so."""

    @classmethod
    def fromtarfile(cls, tarfile: Any) -> _StrictMember:
        """Read the next header; the name of the argument is that of the base class.

        Raises:
            BadInput: there is none, and no end either; or it is too long.
            tarfile.HeaderError: the archive ends here.
        """
        tarfile.fileobj.begin_header()
        try:
            return super().fromtarfile(tarfile)
        except Exception as error:
            # The classes of the ways in which a header can be wrong have no public names.
            if type(error).__name__ in {"InvalidHeaderError", "EmptyHeaderError", "TruncatedHeaderError"}:
                raise BadInput(f"the archive cannot be read: {error}") from error
            raise


def extract_tar(source: Path | IO[bytes], target_dir: Path, limits: ArchiveLimits = _ANY_LIMITS) -> None:
    """Unpack a tar archive, compressed with gzip or not, into an existing, empty directory.

    Owners, times and special modes are dropped; the execute bit of the owner becomes that of all. What was unpacked
    before an error is left: unpack into a temporary directory, and remove that.

    Args:
        source: a path, or a binary stream read once from front to back.
        target_dir: existing, empty directory, in which nobody else writes.
        limits: how much is unpacked at most.

    Raises:
        BadInput: it is no archive, is over a limit, holds something that is neither file nor directory, or a name that
            is absolute, has `..`, is there twice, or differs from another only in case or in its Unicode form.
        OSError: a file cannot be written.
    """
    with ExitStack() as stack:
        packed = stack.enter_context(source.open("rb")) if isinstance(source, os.PathLike) else source
        stream = TarStream(packed, limits)
        names = MemberNames(limits)
        for member, archive in _members(stream):
            _extract(archive, member, names, target_dir)
        _refuse_bad_reading(stream.finish)


def _refuse_bad_reading(read: Any) -> Any:
    """Call something that reads an archive, and translate what it raises when there is none."""
    try:
        return read()
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, ValueError, OverflowError) as error:
        raise BadInput(f"the archive cannot be read: {error}") from error


def _members(stream: TarStream) -> Iterator[tuple[tarfile.TarInfo, tarfile.TarFile]]:
    """Each member in turn; the content of one is read before the next is asked for."""
    archive = _refuse_bad_reading(lambda: tarfile.TarFile(fileobj=stream, mode="r", tarinfo=_StrictMember))  # type: ignore[arg-type]
    while (member := _refuse_bad_reading(archive.next)) is not None:
        archive.members = []  # it would keep them all
        stream.begin_content()
        yield member, archive


def _extract(archive: tarfile.TarFile, member: tarfile.TarInfo, names: MemberNames, root: Path) -> None:
    if not (member.isreg() or member.isdir()) or member.issparse() or member.size < 0:
        raise BadInput(
            f"the archive holds {member.name!r}, which is neither a file nor a directory; it was not unpacked"
        )
    target = root.joinpath(*names.take(member.name, is_directory=member.isdir()))
    if member.isdir():
        target.mkdir(parents=True, exist_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    content = archive.extractfile(member)
    assert content is not None  # it is a file
    left = member.size
    with target.open("xb") as file:
        while left > 0:
            chunk = _refuse_bad_reading(functools.partial(content.read, min(left, _CHUNK_BYTES)))
            if not chunk:
                raise BadInput(f"the archive ends inside of {member.name!r}")
            file.write(chunk)
            left -= len(chunk)
    target.chmod(0o755 if member.mode & 0o100 else 0o644)


def pack_tar(directory: Path, root_name: str, target: IO[bytes]) -> None:
    """Pack a directory into a tar archive through gzip; the same files give the same bytes.

    What `extract_tar` would refuse is not packed.

    Args:
        directory: its files are packed, `__pycache__` left out.
        root_name: what the directory is called inside the archive.
        target: a binary stream to write to.

    Raises:
        BadInput: the directory holds a link or something else that is neither a file nor a directory, or names that do
            not go into one archive.
    """
    with _packing(target) as archive:
        _add(archive, directory, root_name, MemberNames(_ANY_LIMITS))


def _add(archive: tarfile.TarFile, path: Path, name: str, names: MemberNames) -> None:
    status = path.lstat()
    if stat.S_ISDIR(status.st_mode):
        _add_directory(archive, name, names)
        for entry in sorted(path.iterdir(), key=lambda child: child.name):
            if entry.name != _SKIPPED:
                _add(archive, entry, f"{name}/{entry.name}", names)
    elif stat.S_ISREG(status.st_mode):
        names.take(name, is_directory=False)
        member = _member(name, status.st_size, is_executable=bool(status.st_mode & 0o100))
        with path.open("rb") as file:
            archive.addfile(member, file)
    else:
        raise BadInput(f"{path} is neither a file nor a directory; remove it")


@dataclass(frozen=True)
class PackedFile:
    """A file that is packed without lying in a directory.

    Attributes:
        name: relative, with `/` between parts.
        size_bytes: of it.
        executable: whether its owner may run it.
        open: begins to read it; it is read to its end.
    """

    name: str
    size_bytes: int
    executable: bool
    open: Callable[[], AbstractContextManager[Iterator[bytes]]]


def pack_files(files: Iterable[PackedFile], root_name: str, target: IO[bytes]) -> None:
    """Write files as `pack_tar` writes those of a directory; empty directories there are none.

    Args:
        files: in any order; each is opened when its turn comes.
        root_name: what the directory around them is called.
        target: a binary stream to write to.

    Raises:
        BadInput: names that do not go into one archive.
        OSError: a file is shorter or longer than was said.
    """
    with _packing(target) as archive:
        names = MemberNames(_ANY_LIMITS)
        _add_directory(archive, root_name, names)
        known = {""}
        for file in sorted(files, key=lambda file: file.name.split("/")):
            parts = file.name.split("/")
            for depth in range(1, len(parts)):
                parent = "/".join(parts[:depth])
                if parent not in known:
                    known.add(parent)
                    _add_directory(archive, f"{root_name}/{parent}", names)
            names.take(f"{root_name}/{file.name}", is_directory=False)
            with file.open() as chunks:
                member = _member(f"{root_name}/{file.name}", file.size_bytes, is_executable=file.executable)
                archive.addfile(member, cast("IO[bytes]", _ChunkReader(chunks)))
                if next(chunks, None) is not None:
                    raise OSError(f"{file.name} has more than {file.size_bytes} bytes")


class _ChunkReader:
    """Reads pieces of any size as a file is read."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = memoryview(b"")

    def read(self, size: int) -> bytes:
        """The next bytes; fewer than were asked for at the end of a piece, none at the end of all."""
        taken = bytearray()
        while len(taken) < size:
            if not self._rest:
                chunk = next(self._chunks, None)
                if chunk is None:
                    break
                self._rest = memoryview(chunk)
                continue
            wanted = size - len(taken)
            taken += self._rest[:wanted]
            self._rest = self._rest[wanted:]
        return bytes(taken)


@contextmanager
def _packing(target: IO[bytes]) -> Iterator[tarfile.TarFile]:
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=target, compresslevel=6, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT) as archive,
    ):
        yield archive


def _add_directory(archive: tarfile.TarFile, name: str, names: MemberNames) -> None:
    names.take(name, is_directory=True)
    member = tarfile.TarInfo(name)
    member.type, member.mode = tarfile.DIRTYPE, 0o755
    archive.addfile(member)


def _member(name: str, size_bytes: int, *, is_executable: bool) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size_bytes, 0o755 if is_executable else 0o644
    return member


def unpacked_root(directory: Path, marker: str) -> Path:
    """The directory that an archive was made of, after it was unpacked.

    Args:
        directory: where it was unpacked to.
        marker: a file that lies directly in the directory which is looked for.

    Raises:
        BadInput: neither the archive itself nor its only entry is such a directory.
    """
    if (directory / marker).is_file():
        return directory
    entries = list(directory.iterdir())
    if len(entries) == 1 and (entries[0] / marker).is_file():
        return entries[0]
    raise BadInput(f"the archive holds no directory with {marker} at its top")
