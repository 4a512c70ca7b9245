"""A home with two saved versions of one service."""

from __future__ import annotations

import pytest

from bentoml.yatai.client import get_yatai_client
from tests.cli.saved_home import VERSIONS, SavedHome, save_home


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
