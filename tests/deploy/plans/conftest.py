"""A registry with two versions of one bundle."""

from __future__ import annotations

from pathlib import Path

import pytest

from bentoml.configuration import get_config
from bentoml.yatai.client import get_yatai_client, open_local_registry
from bentoml.yatai.local import LocalRegistry
from tests.yatai.conftest import write_bundle

__all__ = ["registry", "write_bundle"]


@pytest.fixture
def registry(bentoml_home: Path, write_bundle: object) -> LocalRegistry:
    """It has `Iris:1` and `Iris:2`."""
    assert callable(write_bundle)
    for version in ("1", "2"):
        get_yatai_client().repository.upload_from_dir(write_bundle("Iris", version))
    return open_local_registry(get_config())
