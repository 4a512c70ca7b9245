"""In continuous integration a skipped test is a failed one, unless its mark `may_skip` says why it may be left out."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator


def is_ci() -> bool:
    """Whether the suite runs in continuous integration."""
    return os.environ.get("CI", "").lower() in {"1", "true"}


def fail_if_skipped(report: pytest.TestReport | pytest.CollectReport, node: pytest.Item | pytest.Collector) -> None:
    """Turns a report that says "skipped" into one that says "failed", with the reason of the skip."""
    if report.outcome != "skipped" or hasattr(report, "wasxfail") or node.get_closest_marker("may_skip") is not None:
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    report.outcome = "failed"
    report.longrepr = f"{report.nodeid}: {reason}; with CI=true nothing is skipped without the mark may_skip"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if is_ci():
        fail_if_skipped(report, item)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if is_ci():
        fail_if_skipped(report, collector)
    return report
