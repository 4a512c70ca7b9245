"""A cluster of Ray, a bundle, and the registry that has it, shared by the tests."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bentoml.configuration import get_config
from bentoml.deploy.plans import Deployments
from bentoml.deploy.ray import RayDeployer
from bentoml.yatai.client import open_local_registry
from tests.deploy.ray.cluster import Cluster, running_cluster
from tests.server.live import save_bundle

SERVICE = """
    import os
    import time
    from typing import Any

    import pandas as pd
    from bentoml import BentoService, api, artifacts
    from bentoml.adapters import DataframeInput, JsonInput
    from bentoml.frameworks.sklearn import SklearnModelArtifact


    @artifacts([SklearnModelArtifact("model")])
    class Iris(BentoService):
        @api(input=DataframeInput(), batch=True)
        def predict(self, df: pd.DataFrame) -> Any:
            return self.artifacts.model.predict(df)

        @api(input=JsonInput(), batch=True, mb_max_latency=60_000)
        def slow(self, items: list[Any]) -> list[Any]:
            time.sleep(0.1)
            return [{"item": item, "together": len(items), "pid": os.getppid()} for item in items]

        @api(input=JsonInput(), batch=False)
        def level(self, item: Any) -> Any:
            return os.environ.get("LEVEL")

        @api(input=JsonInput(), batch=False)
        def count(self, most: int) -> Any:
            for number in range(most):
                yield {"number": number}

        @api(input=JsonInput(), batch=True)
        def picky(self, items: list[Any]) -> list[Any]:
            if "bad" in items:
                raise ValueError("a bad item")
            return items
"""
PACK = """
    from sklearn import datasets, svm
    data = datasets.load_iris()
    service.pack("model", svm.SVC(gamma="scale").fit(data.data, data.target))
"""


@dataclass(frozen=True)
class Saved:
    """A home with one bundle."""

    home: Path
    bundle: Path

    @property
    def tag(self) -> str:
        return f"Iris:{self.bundle.name}"


@pytest.fixture(scope="session")
def iris(tmp_path_factory: pytest.TempPathFactory) -> Saved:
    directory = tmp_path_factory.mktemp("iris")
    return Saved(directory / "home", save_bundle(directory, SERVICE, class_name="Iris", pack=PACK))


@pytest.fixture(scope="session")
def deployments(iris: Saved) -> Deployments:
    """Those of a registry that has the bundle."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENTOML_HOME", str(iris.home))
        registry = open_local_registry(get_config())
    return Deployments(registry, RayDeployer(lambda _: iris.bundle))


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """It has one node with two processors beside its head."""
    with (
        tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp", ignore_cleanup_errors=True) as directory,
        running_cluster(Path(directory), cpus=2) as found,
    ):
        yield found
