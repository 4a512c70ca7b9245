"""Files and directories that appear whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def _default_mode(base: int) -> int:
    """`base` less the umask, as `open` and `mkdir` would give."""
    umask = os.umask(0)
    os.umask(umask)
    return base & ~umask


def write_atomic(path: Path, data: bytes | str, *, executable: bool = False) -> None:
    """Write a file under a temporary name, then rename it to `path`.

    Args:
        path: target; replaced if it exists.
        data: content; text is written as UTF-8.
        executable: set the execute bits.
    """
    with replaced_file(path, executable=executable) as temporary:
        temporary.write_bytes(data.encode() if isinstance(data, str) else data)


@contextmanager
def replaced_file(path: Path, *, executable: bool = False, mode: int | None = None) -> Iterator[Path]:
    """An empty temporary file beside `path` that replaces it when the block ends well.

    The old file is never written into: processes that read it or have it mapped into memory keep what they have.

    Args:
        path: target; replaced if it exists.
        executable: set the execute bits.
        mode: permission bits of the new file, whatever the umask; None leaves them to `executable` and the umask.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(_default_mode(0o777 if executable else 0o666) if mode is None else mode)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextmanager
def staged_directory(target: Path) -> Iterator[Path]:
    """A temporary directory beside `target` that becomes `target` when the block ends well.

    The directory is removed when the block raises.

    Raises:
        FileExistsError: `target` exists and is not an empty directory.
    """
    staging = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
    staging.chmod(_default_mode(0o777))
    try:
        yield staging
        try:
            staging.rename(target)
        except OSError as error:
            raise FileExistsError(f"{target} already exists") from error
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise


@contextmanager
def replaced_directory(target: Path) -> Iterator[Path]:
    """An empty temporary directory beside `target` that takes its place when the block ends well.

    What was there is removed, but only then; the new directory is removed when the block raises.
    """
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as scratch:
        new, old = Path(scratch, "new"), Path(scratch, "old")
        new.mkdir()
        yield new
        if target.exists():
            target.rename(old)
        new.rename(target)
