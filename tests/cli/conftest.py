"""A home with two saved versions of one service; and the library's logger, put back after each test."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from bentoml.yatai.client import get_yatai_client
from tests.cli.saved_home import VERSIONS, SavedHome, save_home

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory) -> SavedHome:
    """Shared: for tests that only read."""
    return save_home(tmp_path_factory.mktemp("saved-home"))


@pytest.fixture
def own_saved(saved: SavedHome, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> SavedHome:
    """For one test that changes what is saved."""
    own = SavedHome(tmp_path_factory.mktemp("own-home"))
    monkeypatch.setenv("BENTOML_HOME", str(own.home))
    repository = get_yatai_client().repository
    for version, stage in VERSIONS:
        repository.upload_from_dir(saved.bundle.with_name(version), labels={"stage": stage})
    return own


@pytest.fixture(autouse=True)
def library_logger() -> Iterator[logging.Logger]:
    """The `bentoml` logger, restored: a command configures it for its own stdout."""
    logger = logging.getLogger("bentoml")
    before = (logger.handlers[:], logger.level, logger.propagate)
    yield logger
    for handler in logger.handlers:
        if handler not in before[0]:
            handler.close()
    logger.handlers[:], logger.level, logger.propagate = before
    logger.setLevel(before[1])
