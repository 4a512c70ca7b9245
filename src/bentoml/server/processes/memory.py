"""How much memory this process has resident."""

from __future__ import annotations

import resource
from contextlib import suppress
from pathlib import Path

_STATM = Path("/proc/self/statm")


def resident_bytes() -> int | None:
    """Resident memory in bytes, pages that are shared with other processes included; None where it cannot be known."""
    with suppress(OSError):
        return int(_STATM.read_bytes().split()[1]) * resource.getpagesize()
    return None
