"""Locks on open files, which end with the last process that has them open."""

from __future__ import annotations

import errno
import fcntl
from typing import TYPE_CHECKING

from bentoml.exceptions import BentoMLException

if TYPE_CHECKING:
    from pathlib import Path

_NO_LOCKS = frozenset({errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS})


def lock_file(descriptor: int, kind: int, path: Path, setting: str) -> None:
    """Lock an open file or directory.

    Args:
        descriptor: of it.
        kind: as for `fcntl.flock`.
        path: of it, for the message.
        setting: what the user sets to have it elsewhere.

    Raises:
        BlockingIOError: others hold it, and `kind` says not to wait.
        BentoMLException: the file system knows no locks, as some that lie on other machines.
    """
    try:
        fcntl.flock(descriptor, kind)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        raise BentoMLException(
            f"{path} cannot be locked: {error.strerror}. Its file system has no locks; set {setting} to a directory "
            "on a disk of this machine"
        ) from error
