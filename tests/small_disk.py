"""A disk that is soon full."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ONLY_ROOT = [
    pytest.mark.may_skip("only root can mount a small disk"),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk"),
]


@contextmanager
def small_disk_at(disk: Path) -> Iterator[Path]:
    """Mount a disk of 2 MiB at a directory, which is made, for the time of the block."""
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "none", str(disk)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("this machine does not let root mount a disk")
    try:
        yield disk
    finally:
        subprocess.run(["umount", str(disk)], check=True)
