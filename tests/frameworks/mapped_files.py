"""Where files are mapped into the memory of this process, on Linux."""

from __future__ import annotations

from pathlib import Path


def mapped_ranges(file: Path) -> list[tuple[int, int]]:
    """First address of each mapping, and the one behind its last."""
    lines = Path("/proc/self/maps").read_text(encoding="utf-8").splitlines()
    edges = [line.split()[0].split("-") for line in lines if line.endswith(str(file.resolve()))]
    return [(int(low, 16), int(high, 16)) for low, high in edges]
