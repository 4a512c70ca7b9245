"""How many CPUs this process may use."""

from __future__ import annotations

import os
from contextlib import suppress
from math import ceil
from pathlib import Path


def cpu_count(root: Path = Path("/")) -> int:
    """CPUs that this process may run on, no more than its container's quota pays for; at least 1.

    Args:
        root: where the file systems of Linux are found.
    """
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min([cpus, *(ceil(quota) for quota in _quotas(root))]))


def _quotas(root: Path) -> list[float]:
    """The quotas, in CPUs, of the control groups that this process is in."""
    quotas: list[float] = []
    with suppress(OSError, ValueError):
        for line in (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines():
            _, controllers, path = line.split(":", 2)
            if not controllers:
                quotas += _quotas_up_from(root / "sys/fs/cgroup", path)
    return quotas


def _quotas_up_from(mount: Path, path: str) -> list[float]:
    quotas: list[float] = []
    group = mount / path.lstrip("/")
    for each in (group, *group.parents):
        with suppress(OSError, ValueError):
            quota, period = (each / "cpu.max").read_text(encoding="ascii").split()
            if quota != "max":
                quotas.append(int(quota) / int(period))
        if each == mount:
            break
    return quotas
