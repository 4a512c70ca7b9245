"""Unpacking archives that came from elsewhere."""

from __future__ import annotations

import os
import shutil
import tarfile
from typing import IO, TYPE_CHECKING

from bentoml.exceptions import BadInput

if TYPE_CHECKING:
    from pathlib import Path

_CHUNK_BYTES = 1 << 20


def _target_of(member: tarfile.TarInfo, root: Path) -> Path:
    """Where a member goes.

    Raises:
        BadInput: it is no plain file or directory, or would leave `root`.
    """
    if not (member.isreg() or member.isdir()):
        raise BadInput(
            f"the archive holds {member.name!r}, which is neither a file nor a directory; it was not unpacked"
        )
    if member.name.startswith(("/", "\\")) or ".." in member.name.replace("\\", "/").split("/"):
        raise BadInput(f"the archive holds {member.name!r}, which lies outside of it; it was not unpacked")
    return root / member.name


def _open(source: Path | IO[bytes]) -> tarfile.TarFile:
    if isinstance(source, os.PathLike):
        return tarfile.open(source, "r|*")
    return tarfile.open(fileobj=source, mode="r|*")


def extract_tar(
    source: Path | IO[bytes],
    target_dir: Path,
    *,
    max_bytes: int = 64 << 30,
    max_members: int = 200_000,
) -> None:
    """Unpack a tar archive, compressed or not, into an existing directory.

    Owners and special modes are dropped; execute bits stay.

    Args:
        source: a path, or a binary stream read once from front to back.
        target_dir: existing directory.
        max_bytes: largest sum of file sizes.
        max_members: largest number of files and directories.

    Raises:
        BadInput: not an archive, over a limit, or a member is absolute, has `..`, or is a link or device.
    """
    total_bytes = 0
    try:
        with _open(source) as archive:
            for index, member in enumerate(archive):
                total_bytes += member.size
                if index >= max_members or total_bytes > max_bytes:
                    raise BadInput(f"the archive holds more than {max_members} members or {max_bytes} bytes")
                _extract(archive, member, _target_of(member, target_dir))
    except (tarfile.TarError, EOFError) as error:
        raise BadInput(f"the archive cannot be read: {error}") from error
    except (FileExistsError, NotADirectoryError) as error:
        raise BadInput(f"the archive holds a name twice, or one below a file: {error.filename}") from error


def _extract(archive: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    if member.isdir():
        target.mkdir(parents=True, exist_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    content = archive.extractfile(member)
    if content is None:
        raise BadInput(f"the archive holds {member.name!r} without content")
    with target.open("xb") as file:
        shutil.copyfileobj(content, file, _CHUNK_BYTES)
    target.chmod(0o755 if member.mode & 0o100 else 0o644)
