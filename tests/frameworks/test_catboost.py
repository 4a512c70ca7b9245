"""The CatBoost artifact, on models that were really trained."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_iris

from bentoml.exceptions import ArtifactLoadingException, InvalidArgument
from bentoml.frameworks.catboost import CatBoostModelArtifact
from bentoml.service.env import BentoServiceEnv
from tests.environments.late_import import late_import
from tests.frameworks.contract import FrameworkContract, Question
from tests.service.artifact_contract import ArtifactContract

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.environment("boosters")

catboost = late_import("catboost")
pandas = late_import("pandas")

IRIS = load_iris()
SPECIES = IRIS.target_names[IRIS.target].tolist()
QUIET = {"iterations": 5, "verbose": False, "allow_writing_files": False, "random_seed": 0, "thread_count": 1}

SERVICE = """
import bentoml
from bentoml.adapters import DataframeInput
from bentoml.frameworks.catboost import CatBoostModelArtifact


@bentoml.env(infer_pip_packages=True)
@bentoml.artifacts([CatBoostModelArtifact("model")])
class Served(bentoml.BentoService):
    @bentoml.api(input=DataframeInput(), batch=True, mb_max_latency=5000)
    def predict(self, df):
        return self.artifacts.model.predict(df)[:, 0].tolist()
"""


class TestClassifier(FrameworkContract):
    library: ClassVar[str | None] = "catboost"
    requirement = "catboost"
    files = frozenset({"model.cbm", "model_model_type.txt"})
    service = SERVICE
    facts: ClassVar[dict[str, Any]] = {
        "framework": "catboost",
        "class": "catboost.core.CatBoostClassifier",
        "input_signature": [{"name": None, "dtype": None, "shape": [None, 4]}],
        "feature_names": ["0", "1", "2", "3"],
        "trees": 5,
    }

    def new(self, name: str = "model") -> CatBoostModelArtifact:
        return CatBoostModelArtifact(name)

    def good_object(self) -> Any:
        return catboost.CatBoostClassifier(**QUIET).fit(IRIS.data, SPECIES)

    def wrong_object(self) -> Any:
        return catboost.CatBoostClassifier()

    def outcome(self, obj: Any) -> Any:
        return [obj.predict(IRIS.data).tolist(), obj.predict_proba(IRIS.data).tolist()]

    def questions(self, obj: Any) -> list[Question]:
        return [
            Question(json.dumps(rows.tolist()).encode(), obj.predict(rows)[:, 0].tolist())
            for rows in (IRIS.data[:1], IRIS.data[50:53], IRIS.data[149:])
        ]


class TestRegressor(ArtifactContract):
    library: ClassVar[str | None] = "catboost"
    requirement = "catboost"
    files = frozenset({"model.cbm", "model_model_type.txt"})

    def new(self, name: str = "model") -> CatBoostModelArtifact:
        return CatBoostModelArtifact(name)

    def good_object(self) -> Any:
        return catboost.CatBoostRegressor(**QUIET).fit(*load_diabetes(return_X_y=True))

    def wrong_object(self) -> Any:
        return [1, 2]

    def outcome(self, obj: Any) -> Any:
        return obj.predict(load_diabetes().data).tolist()


@pytest.mark.parametrize("kind", ["CatBoostClassifier", "CatBoostRegressor", "CatBoostRanker", "CatBoost"])
def test_load_gives_back_a_model_of_the_same_class(tmp_path: Path, kind: str) -> None:
    loss = {"CatBoostClassifier": "Logloss", "CatBoostRegressor": "RMSE"}.get(kind, "QueryRMSE")
    pool = catboost.Pool(IRIS.data, IRIS.target > 0, group_id=np.arange(150) // 10)
    derived = type("Derived", (getattr(catboost, kind),), {})
    parameters = {**QUIET, "loss_function": loss, "bootstrap_type": "No"}
    model = derived(parameters) if kind == "CatBoost" else derived(**parameters)
    CatBoostModelArtifact("model").pack(model.fit(pool)).save(str(tmp_path))
    loaded = CatBoostModelArtifact("model").load(str(tmp_path)).get()
    assert type(loaded).__name__ == kind
    assert np.array_equal(loaded.predict(IRIS.data), model.predict(IRIS.data))


def test_load_of_a_model_with_categories_knows_them(tmp_path: Path) -> None:
    table = pandas.DataFrame({"kind": list("abcabcabc") * 10, "size": range(90)})
    model = catboost.CatBoostRegressor(**QUIET, cat_features=["kind"]).fit(table, [*range(3)] * 30)
    CatBoostModelArtifact("model").pack(model).save(str(tmp_path))
    loaded = CatBoostModelArtifact("model").load(str(tmp_path)).get()
    assert np.array_equal(loaded.predict(table), model.predict(table))


@pytest.mark.parametrize("name", ["Pool", "os.system", "", "CatBoostClassifier.__init__"])
def test_load_when_the_class_is_none_of_catboost_is_refused(tmp_path: Path, name: str) -> None:
    model = catboost.CatBoostClassifier(**QUIET).fit(IRIS.data, SPECIES)
    CatBoostModelArtifact("model").pack(model).save(str(tmp_path))
    (tmp_path / "model_model_type.txt").write_text(name, encoding="utf-8")
    with pytest.raises(ArtifactLoadingException, match="which is none of CatBoostClassifier, "):
        CatBoostModelArtifact("model").load(str(tmp_path))


def test_load_of_a_damaged_file_names_the_artifact(tmp_path: Path) -> None:
    (tmp_path / "model.cbm").write_bytes(b"CBM1" + bytes(300))
    (tmp_path / "model_model_type.txt").write_text("CatBoost\n", encoding="utf-8")
    with pytest.raises(ArtifactLoadingException, match="'model' can not be loaded"):
        CatBoostModelArtifact("model").load(str(tmp_path))


def test_pack_of_an_untrained_model_says_so() -> None:
    with pytest.raises(InvalidArgument, match="call its fit first"):
        CatBoostModelArtifact("model").pack(catboost.CatBoostRegressor())


@pytest.mark.parametrize(("infer", "expected"), [(True, ["catboost"]), (False, [])], ids=["inferred", "declared"])
def test_set_dependencies_adds_catboost_only_when_inferring(infer: bool, expected: list[str]) -> None:
    env = BentoServiceEnv(infer_pip_packages=infer)
    CatBoostModelArtifact("model").set_dependencies(env)
    assert env._pip_packages == expected
