"""A file of lines that grows to a limit and is then followed by a new one. No line is cut or lost between them.

Several processes may write to the same file: each looks before it writes whether the file is still the one under that
name, and they rotate one at a time.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class LineFile:
    """Appends blocks of lines. Not safe to use from several threads at a time.

    Args:
        path: of the file; it is opened with the first write, and so are the directories above it made.
        max_bytes: size at which it is renamed to `<name>.1`, that one to `<name>.2`, and so on.
        count: how many old files are kept.
    """

    def __init__(self, path: Path, max_bytes: int, count: int) -> None:
        self.path = path
        self._max_bytes = max_bytes
        self._count = count
        self._fd: int | None = None
        self._identity = (0, 0)

    def write(self, lines: bytes) -> tuple[bytes, OSError | None]:
        """Append.

        Args:
            lines: whole lines, each ended by LF.

        Returns:
            The lines that could not be written, and why; nothing and None when all were.
        """
        try:
            while lines:
                fd, size_bytes, is_regular = self._opened()
                fitting = _fitting(lines, self._max_bytes - size_bytes) if is_regular else len(lines)
                if not fitting and size_bytes:
                    self._rotate(fd)
                    continue
                fitting = fitting or lines.find(b"\n") + 1 or len(lines)
                written, problem = _append(fd, lines if fitting == len(lines) else lines[:fitting], size_bytes)
                lines = lines[written:]
                if problem is not None:
                    return lines, problem
        except OSError as error:
            return lines, error
        return b"", None

    def close(self) -> None:
        """Close the file; a further write opens it again."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _opened(self) -> tuple[int, int, bool]:
        """The descriptor of the file that has our name now, its size, and whether it is a regular file.

        Raises:
            OSError: it cannot be opened.
        """
        if self._fd is not None:
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                status = self.path.stat()
                if (status.st_dev, status.st_ino) == self._identity:
                    return self._fd, status.st_size, stat.S_ISREG(status.st_mode)
            self.close()
        try:
            fd = self._open()
        except FileNotFoundError:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            fd = self._open()
        self._fd = fd
        status = os.fstat(fd)
        self._identity = (status.st_dev, status.st_ino)
        return fd, status.st_size, stat.S_ISREG(status.st_mode)

    def _open(self) -> int:
        # A named pipe that nobody reads is an error, and nothing to wait for.
        fd = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, 0o666)
        os.set_blocking(fd, True)
        return fd

    def _rotate(self, fd: int) -> None:
        """Rename the file and its predecessors, unless another process has just done so.

        Raises:
            OSError: they cannot be renamed.
        """
        with contextlib.suppress(OSError):  # where there are no locks, one process has to do
            fcntl.flock(fd, fcntl.LOCK_EX)
        try:
            with contextlib.suppress(FileNotFoundError):
                status = self.path.stat()
                if (status.st_dev, status.st_ino) == self._identity:
                    self._shift()
        finally:
            self.close()

    def _shift(self) -> None:
        if not self._count:
            self.path.unlink()
            return
        for number in range(self._count - 1, 0, -1):
            with contextlib.suppress(FileNotFoundError):
                self._old(number).replace(self._old(number + 1))
        self.path.replace(self._old(1))

    def _old(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")


def _fitting(lines: bytes, room_bytes: int) -> int:
    """Size in bytes of the first lines that fit into the room."""
    if len(lines) <= room_bytes:
        return len(lines)
    return lines.rfind(b"\n", 0, room_bytes) + 1 if room_bytes > 0 else 0


def _append(fd: int, lines: bytes, size_bytes: int) -> tuple[int, OSError | None]:
    """Write lines behind what is there; returns how many bytes of whole lines, and what has kept the others away."""
    written = 0
    try:
        while written < len(lines):
            written += os.write(fd, memoryview(lines)[written:] if written else lines)
    except OSError as error:
        whole = lines.rfind(b"\n", 0, written) + 1
        if written > whole:
            # The disk is full in the middle of a line, which must not be continued by another one.
            with contextlib.suppress(OSError):
                if os.fstat(fd).st_size == size_bytes + written:
                    os.ftruncate(fd, size_bytes + whole)
        return whole, error
    return written, None
