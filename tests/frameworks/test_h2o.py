"""The H2O artifact, on models that a server of H2O trains here."""

from __future__ import annotations

import json
import shutil
import socket
import time
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from bentoml.exceptions import ArtifactLoadingException
from bentoml.frameworks.h2o import H2oModelArtifact
from bentoml.service.env import BentoServiceEnv
from tests.environments.late_import import late_import
from tests.frameworks.contract import FrameworkContract, Question

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [
    pytest.mark.environment("h2o"),
    pytest.mark.timeout(300),
    # It leaves the files open that the server writes its log to.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.skipif(shutil.which("java") is None, reason="H2O needs Java, and this machine has none"),
]

h2o = late_import("h2o")
estimators = late_import("h2o.estimators")

# Length and width of the petals, and the species, of some flowers of Fisher's irises.
FLOWERS = [
    [1.4, 0.2, "setosa"],
    [1.3, 0.3, "setosa"],
    [1.7, 0.4, "setosa"],
    [4.7, 1.4, "versicolor"],
    [4.5, 1.5, "versicolor"],
    [3.9, 1.1, "versicolor"],
    [6.0, 2.5, "virginica"],
    [5.1, 1.9, "virginica"],
    [5.8, 2.2, "virginica"],
]
COLUMNS = ["length", "width", "species"]

SERVICE = """
import bentoml
import h2o
from bentoml.adapters import DataframeInput
from bentoml.frameworks.h2o import H2oModelArtifact


@bentoml.env(infer_pip_packages=True)
@bentoml.artifacts([H2oModelArtifact("model")])
class Served(bentoml.BentoService):
    @bentoml.api(input=DataframeInput(), batch=True, mb_max_latency=20000)
    def predict(self, df):
        predicted = self.artifacts.model.predict(h2o.H2OFrame(df.values.tolist(), column_names=["length", "width"]))
        return [row[0] for row in predicted.as_data_frame(use_pandas=False)[1:]]
"""


PORT = 54321
END_LIMIT_S = 30.0


def is_taken() -> bool:
    """Whether a server listens where H2O looks for one."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", PORT)) == 0


@pytest.fixture(scope="module", autouse=True)
def server() -> Iterator[None]:
    """One server for all tests; the processes that they start find it."""
    deadline_s = time.monotonic() + END_LIMIT_S
    while is_taken() and time.monotonic() < deadline_s:  # one that was told to end takes its time
        time.sleep(0.1)
    assert not is_taken(), f"a server of H2O that is not that of the tests listens on port {PORT}"
    h2o.init(verbose=False, nthreads=2, max_mem_size="1g")
    h2o.no_progress()
    yield
    h2o.connection().local_server.shutdown()  # waits for its end, as the other way does not


def frame(rows: Any) -> Any:
    return h2o.H2OFrame([row[:2] for row in rows], column_names=COLUMNS[:2])


class TestTrees(FrameworkContract):
    library: ClassVar[str | None] = "h2o"
    requirement = "h2o"
    files = frozenset({"model"})
    service = SERVICE
    pickles = True
    facts: ClassVar[dict[str, Any]] = {
        "framework": "h2o",
        "class": "h2o.estimators.gbm.H2OGradientBoostingEstimator",
        "algorithm": "gbm",
    }

    def new(self, name: str = "model") -> H2oModelArtifact:
        return H2oModelArtifact(name)

    def good_object(self) -> Any:
        flowers = h2o.H2OFrame(FLOWERS, column_names=COLUMNS, column_types=["numeric", "numeric", "enum"])
        model = estimators.H2OGradientBoostingEstimator(ntrees=5, min_rows=1, seed=1)
        model.train(COLUMNS[:2], "species", flowers)
        return model

    def wrong_object(self) -> Any:
        return estimators.H2OGradientBoostingEstimator()

    def outcome(self, obj: Any) -> Any:
        return obj.predict(frame(FLOWERS)).as_data_frame(use_pandas=False)

    def questions(self, obj: Any) -> list[Question]:
        species = [row[0] for row in self.outcome(obj)[1:]]
        return [
            Question(json.dumps([row[:2] for row in FLOWERS[rows]]).encode(), species[rows])
            for rows in (slice(0, 1), slice(2, 5), slice(8, 9))
        ]


def test_load_of_a_damaged_file_names_the_artifact(tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(b"no model")
    with pytest.raises(ArtifactLoadingException, match="'model' can not be loaded"):
        H2oModelArtifact("model").load(str(tmp_path))


@pytest.mark.parametrize("infer", [True, False], ids=["inferred", "declared"])
def test_set_dependencies_always_adds_h2o_and_java(infer: bool) -> None:
    env = BentoServiceEnv(infer_pip_packages=infer)
    H2oModelArtifact("model").set_dependencies(env)
    assert env._pip_packages == ["h2o"]
    assert env._conda_env.dependencies == ["openjdk"]
