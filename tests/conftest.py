"""What every test shares: a private home directory, no configuration from the machine, and a process left as it was."""

from __future__ import annotations

import logging
import os
import signal
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from tests.browser import browser, tab
from tests.environments.selection import select
from tests.postgres import empty_postgres_url, migrated_template, postgres, postgres_url
from tests.run_order import pytest_xdist_auto_num_workers, pytest_xdist_make_scheduler, sort
from tests.skip_guard import pytest_make_collect_report, pytest_runtest_makereport
from tests.thoroughness import examples, is_thorough

__all__ = [
    "bentoml_home",
    "browser",
    "empty_postgres_url",
    "migrated_template",
    "postgres",
    "postgres_url",
    "pytest_collection_modifyitems",
    "pytest_make_collect_report",
    "pytest_runtest_makereport",
    "pytest_xdist_auto_num_workers",
    "pytest_xdist_make_scheduler",
    "tab",
]

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


# A machine that is busy with other things says nothing about the code.
settings.register_profile(
    "any machine", max_examples=examples(100), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")


# A shell that starts a command in the background has it ignore Ctrl-C, as would all programs that tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(trylast=True)  # after -k and -m have chosen
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out tests for other environments, and slow ones where a part of the suite is asked for; sort the rest."""
    select(config, items)
    sort(items)
    if is_thorough():
        return
    for item in items:
        if item.get_closest_marker("slow") is not None:
            item.add_marker(pytest.mark.skip("slow; set SLOW_TESTS=1, or run the whole suite with ./scripts/test"))


@pytest.fixture(autouse=True)
def bentoml_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh `$BENTOML_HOME` for each test; every other `BENTOML_*` variable is removed."""
    for name in [name for name in os.environ if name.upper().startswith("BENTOML")]:
        monkeypatch.delenv(name)
    home = tmp_path_factory.mktemp("bentoml-home")
    monkeypatch.setenv("BENTOML_HOME", str(home))
    return home


@pytest.fixture(autouse=True)
def library_logger() -> Iterator[logging.Logger]:
    """The `bentoml` logger as a program finds it, before the test and after: a command configures it for its stdout."""
    logger = logging.getLogger("bentoml")
    _untouched(logger)
    yield logger
    _untouched(logger)


def _untouched(logger: logging.Logger) -> None:
    for handler in logger.handlers[:]:
        logger.removeHandler(handler)
        handler.close()
    logger.propagate = True
    logger.setLevel(logging.NOTSET)
