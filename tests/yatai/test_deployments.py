from __future__ import annotations

from pathlib import Path

import pytest

from bentoml.yatai import deployments
from bentoml.yatai.blobs import FileSystemBlobStore
from bentoml.yatai.database import Database
from bentoml.yatai.deployment_models import DeploymentState
from bentoml.yatai.local import LocalRegistry
from tests.yatai.conftest import WriteBundle
from tests.yatai.contract_of_deployments import wanted
from tests.yatai.contract_tools import Put


def test_of_many_events_the_newest_are_kept(
    database: Database, tmp_path: Path, write_bundle: WriteBundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deployments, "MAX_EVENTS", 3)
    registry = LocalRegistry(database, FileSystemBlobStore(tmp_path / "repository"))
    Put(registry, write_bundle)("Iris:1")
    for name in ("dev/iris", "dev/other"):
        registry.apply_deployment(wanted(name))
    for number in range(5):
        registry.set_deployment_state("dev", "iris", DeploymentState(), message=str(number))
    assert [event.message for event in registry.deployment_events("dev", "iris")] == ["4", "3", "2"]
    assert len(registry.deployment_events("dev", "other")) == 1
