"""How the C library of the server's processes keeps memory that was freed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# Read by glibc. By default it returns a freed block of a megabyte to the system at once, and the next request of that
# size pays for every page of it again: twice the time of parsing its JSON text.
_SETTINGS = {"MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(64 << 20)}


def allocator_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables to start a process with; none when the user has set one of them."""
    return {} if environ.keys() & _SETTINGS.keys() else dict(_SETTINGS)
