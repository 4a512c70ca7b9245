"""In which order the tests run, and which of them stay together on one worker of a parallel run.

The tests of a file stay together, because most files share a server or a saved bundle, which would be made again on
every worker. What takes longest comes first, so that no worker is alone with it at the end. Some of the time tests wait
for servers, so more workers run than there are processors.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable

WORKERS_PER_PROCESSOR = 2

LONGEST_FIRST = (
    "tests/docs/",
    "tests/benchmarks/",
    "tests/server/supervision/",
    "tests/fuzz/",
    "tests/scripts/",
    "tests/examples/",
    "tests/deploy/",
    "tests/environments/",
    "tests/cli/",
    "tests/server/",
)
"""Beginnings of node ids; what begins with none of them comes last."""

APART = frozenset({"tests/deploy/kubernetes/test_deployer.py", "tests/docs/test_pages.py"})
"""Files whose tests share nothing, and are too long to run one after another."""


def place(nodeid: str, is_slow: bool) -> int:
    """When a test runs: those with smaller numbers come first."""
    if is_slow:
        return -1
    return next((place for place, begin in enumerate(LONGEST_FIRST) if nodeid.startswith(begin)), len(LONGEST_FIRST))


def sort(items: list[pytest.Item]) -> None:
    """Put what takes longest first; within a file the order stays."""
    slow = {file_of(item.nodeid) for item in items if item.get_closest_marker("slow") is not None}
    items.sort(key=lambda item: place(item.nodeid, file_of(item.nodeid) in slow))


def file_of(nodeid: str) -> str:
    """The file of a test."""
    return nodeid.partition("::")[0]


def unit_of(nodeid: str) -> str:
    """Tests with the same unit stay together."""
    file = file_of(nodeid)
    return nodeid if file in APART else file


def missing(files: Iterable[str]) -> list[str]:
    """Which of the names above stand for no file any more."""
    known = set(files)
    begins = [begin for begin in LONGEST_FIRST if not any(file.startswith(begin) for file in known)]
    return begins + sorted(APART - known)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """How many workers `-n auto` starts."""
    return WORKERS_PER_PROCESSOR * (os.cpu_count() or 1)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Hand out units; another `--dist` than the usual one stays what it is."""
    if config.getvalue("dist") != "load":
        return None
    from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

    class Units(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            return unit_of(nodeid)

    config.option.loadscopereorder = False
    return Units(config, log)
