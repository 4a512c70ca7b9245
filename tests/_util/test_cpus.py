"""The number of CPUs follows the quota of a container."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bentoml._util.cpus import cpu_count

ALL = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def system(root: Path, group: str, **quotas: str) -> Path:
    """A root with a control group and the `cpu.max` of it and of those above."""
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(f"0::{group}\n")
    for name, quota in quotas.items():
        directory = root / "sys/fs/cgroup" / name.replace("_", "/").removeprefix("top").lstrip("/")
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "cpu.max").write_text(quota)
    return root


@pytest.mark.parametrize(
    ("quota", "expected"),
    [("100000 100000", 1), ("10000 100000", 1), ("max 100000", ALL), ("6400000 100000", ALL), ("nonsense", ALL)],
    ids=["one", "a-tenth", "none", "more-than-there-are", "nonsense"],
)
def test_quota_of_the_own_group_counts_in_whole_cpus(tmp_path: Path, quota: str, expected: int) -> None:
    assert cpu_count(system(tmp_path, "/a/b", a_b=quota)) == expected


def test_quota_of_a_group_above_counts_as_well(tmp_path: Path) -> None:
    assert cpu_count(system(tmp_path, "/a/b", a_b="max 100000", a="100000 100000")) == 1


def test_quota_of_the_root_of_a_container_counts(tmp_path: Path) -> None:
    assert cpu_count(system(tmp_path, "/", top="100000 100000")) == 1


@pytest.mark.parametrize(
    ("group", "seen_at", "quota_us", "expected"),
    [
        ("/kubepods/pod1", "kubepods/pod1", 100_000, 1),
        ("/kubepods/pod1", "kubepods", 100_000, 1),
        ("/docker/of-the-host", "", 100_000, 1),
        ("/kubepods/pod1", "kubepods/pod1", -1, ALL),
    ],
    ids=["own", "above", "root-of-a-container", "none"],
)
def test_quota_of_a_first_version_group_counts(
    tmp_path: Path, group: str, seen_at: str, quota_us: int, expected: int
) -> None:
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text(f"9:memory:/x\n4:cpu,cpuacct:{group}\n0::/\n")
    directory = tmp_path / "sys/fs/cgroup/cpu,cpuacct" / seen_at
    directory.mkdir(parents=True)
    (directory / "cpu.cfs_quota_us").write_text(f"{quota_us}\n")
    (directory / "cpu.cfs_period_us").write_text("100000\n")
    assert cpu_count(tmp_path) == expected


def test_system_without_control_groups_has_the_cpus_of_the_process(tmp_path: Path) -> None:
    assert cpu_count(tmp_path) == ALL
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text("12:cpu,cpuacct:/x\n")
    assert cpu_count(tmp_path) == ALL
