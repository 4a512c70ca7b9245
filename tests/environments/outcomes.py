"""A plugin of pytest that writes how each test ended into the file that `TEST_OUTCOMES` names, as JSON."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

VARIABLE = "TEST_OUTCOMES"

_outcomes: dict[str, str] = {}


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Keep the outcome of the call, and whatever went wrong before or after it."""
    if report.when == "call" or report.outcome != "passed":
        _outcomes[report.nodeid] = report.outcome


def pytest_sessionfinish() -> None:
    """Write the file."""
    Path(os.environ[VARIABLE]).write_text(json.dumps(_outcomes), encoding="utf-8")
