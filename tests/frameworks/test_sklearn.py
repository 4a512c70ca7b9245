"""The scikit-learn artifact, on models that were really trained."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from bentoml.exceptions import InvalidArgument
from bentoml.frameworks.sklearn import SklearnModelArtifact
from bentoml.service.env import BentoServiceEnv
from tests.frameworks.contract import FrameworkContract, Question
from tests.service.artifact_contract import ArtifactContract

if TYPE_CHECKING:
    from pathlib import Path

FEATURES, TARGET = load_iris(return_X_y=True)


SERVICE = """
import bentoml
from bentoml.adapters import DataframeInput
from bentoml.frameworks.sklearn import SklearnModelArtifact


@bentoml.env(infer_pip_packages=True)
@bentoml.artifacts([SklearnModelArtifact("model")])
class Served(bentoml.BentoService):
    @bentoml.api(input=DataframeInput(), batch=True, mb_max_latency=5000)
    def predict(self, df):
        return self.artifacts.model.predict(df.to_numpy())
"""


class TestSvc(FrameworkContract):
    library: ClassVar[str | None] = "sklearn"
    requirement = "scikit-learn"
    files = frozenset({"model.pkl"})
    service = SERVICE
    pickles = True
    facts: ClassVar[dict[str, Any]] = {
        "framework": "sklearn",
        "class": "sklearn.svm._classes.SVC",
        "input_signature": [{"name": None, "dtype": None, "shape": [None, 4]}],
    }

    def new(self, name: str = "model") -> SklearnModelArtifact:
        return SklearnModelArtifact(name)

    def good_object(self) -> Any:
        return SVC(gamma="scale").fit(FEATURES, TARGET)

    def wrong_object(self) -> Any:
        return SVC

    def outcome(self, obj: Any) -> Any:
        return obj.predict(FEATURES).tolist()

    def questions(self, obj: Any) -> list[Question]:
        return [
            Question(json.dumps(rows.tolist()).encode(), obj.predict(rows).tolist())
            for rows in (FEATURES[:1], FEATURES[50:53], FEATURES[149:])
        ]


class TestSkops(TestSvc):
    library: ClassVar[str | None] = "skops.io"
    requirement = "skops"
    pinned = ("scikit-learn", "skops")
    files = frozenset({"model.skops"})
    service = SERVICE.replace('("model")', '("model", format="skops")')
    pickles = False
    facts: ClassVar[dict[str, Any]] = {"class": "sklearn.ensemble._forest.RandomForestClassifier"}

    def new(self, name: str = "model") -> SklearnModelArtifact:
        return SklearnModelArtifact(name, format="skops")

    def good_object(self) -> Any:
        return RandomForestClassifier(n_estimators=5, random_state=0).fit(FEATURES, TARGET)


class TestForest(ArtifactContract):
    library: ClassVar[str | None] = "sklearn"
    requirement = "scikit-learn"
    files = frozenset({"model.pkl"})

    def new(self, name: str = "model") -> SklearnModelArtifact:
        return SklearnModelArtifact(name)

    def good_object(self) -> Any:
        return RandomForestClassifier(n_estimators=5, random_state=0).fit(FEATURES, TARGET)

    def wrong_object(self) -> Any:
        return [1, 2]

    def outcome(self, obj: Any) -> Any:
        return obj.predict(FEATURES).tolist()


class TestPipeline(TestForest):
    library: ClassVar[str | None] = "joblib"
    requirement = "joblib"

    def good_object(self) -> Any:
        return make_pipeline(StandardScaler(), PCA(2)).fit(FEATURES)

    def wrong_object(self) -> Any:
        return {"model": SVC()}

    def outcome(self, obj: Any) -> Any:
        return np.round(obj.transform(FEATURES), 9).tolist()


def test_load_maps_arrays_into_memory_read_only(tmp_path: Path) -> None:
    model = SVC(gamma="scale").fit(FEATURES, TARGET)
    SklearnModelArtifact("model").pack(model).save(str(tmp_path))
    loaded = SklearnModelArtifact("model").load(str(tmp_path)).get()
    assert isinstance(loaded.support_vectors_, np.memmap)
    assert not loaded.support_vectors_.flags.writeable


@pytest.mark.parametrize(("infer", "expected"), [(True, ["scikit-learn"]), (False, [])], ids=["inferred", "declared"])
def test_set_dependencies_adds_scikit_learn_only_when_inferring(infer: bool, expected: list[str]) -> None:
    env = BentoServiceEnv(infer_pip_packages=infer)
    SklearnModelArtifact("model").set_dependencies(env)
    assert env._pip_packages == expected


def test_pack_when_not_an_estimator_points_to_the_pickle_artifact() -> None:
    with pytest.raises(InvalidArgument, match="use PickleArtifact"):
        SklearnModelArtifact("model").pack("a text")


def test_facts_of_a_model_fitted_on_a_table_name_its_columns() -> None:
    model = StandardScaler().fit(pd.DataFrame({"length": [1.0, 2.0], "width": [3.0, 5.0]}))
    assert SklearnModelArtifact("model").pack(model).facts()["feature_names"] == ["length", "width"]


def test_facts_of_a_model_that_was_not_fitted_have_no_features() -> None:
    facts = SklearnModelArtifact("model").pack(SVC()).facts()
    assert facts.keys() == {"class", "framework", "framework_version"}
