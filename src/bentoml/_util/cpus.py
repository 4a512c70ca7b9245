"""How many CPUs this process may use."""

from __future__ import annotations

import os
from contextlib import suppress
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def cpu_count(root: Path = Path("/")) -> int:
    """CPUs that this process may run on, no more than its container's quota pays for; at least 1.

    Args:
        root: where the file systems of Linux are found.
    """
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min([cpus, *(ceil(quota) for quota in _quotas(root))]))


def _quotas(root: Path) -> list[float]:
    """The quotas, in CPUs, of the control groups that this process is in, of both versions."""
    mount = root / "sys/fs/cgroup"
    quotas: list[float] = []
    with suppress(OSError, ValueError):
        for line in (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines():
            _, controllers, path = line.split(":", 2)
            if not controllers:
                quotas += _quotas_up_from(mount, path, _quota_v2)
            elif "cpu" in controllers.split(","):
                quotas += _quotas_up_from(mount / controllers, path, _quota_v1)
    return quotas


def _quotas_up_from(mount: Path, path: str, quota_of: Callable[[Path], float | None]) -> list[float]:
    """Quotas of a group and of those above it. A container may see its own group as the root, under another path."""
    group = mount / path.lstrip("/")
    quotas: list[float] = []
    for each in (group, *group.parents):
        with suppress(OSError, ValueError):
            quota = quota_of(each)
            if quota is not None:
                quotas.append(quota)
        if each == mount:
            break
    return quotas


def _quota_v2(group: Path) -> float | None:
    quota, period = (group / "cpu.max").read_text(encoding="ascii").split()
    return None if quota == "max" else int(quota) / int(period)


def _quota_v1(group: Path) -> float | None:
    quota, period = (int((group / f"cpu.cfs_{name}_us").read_text(encoding="ascii")) for name in ("quota", "period"))
    return quota / period if quota > 0 else None
