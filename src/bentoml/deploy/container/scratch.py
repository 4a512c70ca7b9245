"""A temporary directory for podman and buildah, which leave things there when a build is interrupted."""

from __future__ import annotations

import logging
import os
import re
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bentoml._util import proc
from bentoml.exceptions import BentoMLException

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

logger = logging.getLogger(__name__)

_LARGE_FILES = "/var/tmp"  # noqa: S108 - what is made in it has a name that nobody can guess
_CACHE = "buildah-cache"
_MOUNTS = Path("/proc/self/mountinfo")
_UNMOUNT_LIMIT_S = 30.0


@contextmanager
def engine_scratch(engine: str) -> Iterator[Mapping[str, str]]:
    """Variables that make an engine keep its temporary files in a directory that is removed afterwards.

    Args:
        engine: name of the program; that of docker is a client, whose server keeps what is large.
    """
    if engine == "docker":
        yield {}
        return
    directory = Path(tempfile.mkdtemp(prefix="bentoml-build-", dir=_place())).resolve()
    try:
        _keep_cache(directory)
        yield {"TMPDIR": str(directory)}
    finally:
        _remove(directory)


def _place() -> str | None:
    """Where both programs would keep them: layers are large, and /tmp may be memory."""
    if os.environ.get("TMPDIR") or not os.access(_LARGE_FILES, os.W_OK):
        return None
    return _LARGE_FILES


def _keep_cache(directory: Path) -> None:
    """Let them find the files of cache mounts, such as pip's, where they are without us: beside our directory."""
    for name in (_CACHE, f"{_CACHE}-{os.getuid()}"):
        cache = directory.parent / name
        cache.mkdir(mode=0o700, exist_ok=True)
        (directory / name).symlink_to(cache)


def _remove(directory: Path) -> None:
    for mount in sorted(_mounts_below(directory), reverse=True):
        _unmount(mount)
    # A root file system that is still mounted there would be emptied.
    if _mounts_below(directory):
        logger.warning("something is still mounted in %s, so it stays; unmount and remove it", directory)
        return
    shutil.rmtree(directory, ignore_errors=True)


def _unmount(mount: str) -> None:
    try:
        proc.run(["umount", mount], timeout_s=_UNMOUNT_LIMIT_S)
    except BentoMLException as error:
        logger.warning("%s could not be unmounted: %s", mount, error)


def _mounts_below(directory: Path) -> list[str]:
    if not _MOUNTS.is_file():
        return []
    places = [line.split()[4] for line in _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape").splitlines()]
    # Blanks and backslashes are written as octal numbers.
    plain = [re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), place) for place in places]
    return [place for place in plain if place.startswith(f"{directory}/")]
