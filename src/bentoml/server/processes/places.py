"""Where a server lives: its private directory."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from bentoml.exceptions import BentoMLException
from bentoml.server.processes.child import SOCKET_FILE

# The limit of macOS is 104 with the final zero, that of Linux 108.
_MAX_SOCKET_PATH_BYTES = 103


def make_runtime_dir() -> Path:
    """A private directory; the path of a socket in it must be short.

    Raises:
        BentoMLException: there is no place for it.
    """
    problem = "the path is too long for a socket"
    # The last one is there in containers whose file system is read-only.
    for parent in (None, "/tmp", "/dev/shm"):  # noqa: S108 - the name in it is random and private
        try:
            path = Path(tempfile.mkdtemp(prefix="bentoml-", dir=parent))
        except OSError as error:
            problem = str(error)
            continue
        if len(os.fsencode(path / SOCKET_FILE)) <= _MAX_SOCKET_PATH_BYTES:
            return path
        path.rmdir()
    raise BentoMLException(f"no temporary directory can be used: {problem}; set TMPDIR to one that can be written")
