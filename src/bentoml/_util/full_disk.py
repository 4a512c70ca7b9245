"""Disks that have no room left."""

from __future__ import annotations

import errno
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bentoml.exceptions import BentoMLException

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


@contextmanager
def full_disk_is_said(where: Path, otherwise: str) -> Iterator[None]:
    """Say which directory has no room, and what to do, when that is why the block fails.

    Args:
        where: the directory that is written to.
        otherwise: what to do when no room can be made there.

    Raises:
        BentoMLException: there is no room. Other errors are left as they are.
    """
    try:
        yield
    except OSError as error:
        if not (_is_full(error) or _is_full_copy(error)):
            raise
        raise BentoMLException(
            f"{where} has no room left, and nothing is left there of what was begun; make room, or {otherwise}"
        ) from error


def _is_full(error: OSError) -> bool:
    return error.errno in _FULL


def _is_full_copy(error: OSError) -> bool:
    """Whether a copy of a tree failed so; of its errors `shutil` keeps the texts alone."""
    if not isinstance(error, shutil.Error) or not error.args or not isinstance(error.args[0], list):
        return False
    marks = tuple(f"[Errno {number}]" for number in _FULL)
    return any(str(reason).startswith(marks) for *_, reason in error.args[0])
