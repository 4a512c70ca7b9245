"""The scikit-learn artifact, on models that were really trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
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
from tests.service.artifact_contract import ArtifactContract

if TYPE_CHECKING:
    from pathlib import Path

FEATURES, TARGET = load_iris(return_X_y=True)


class TestSvc(ArtifactContract):
    library: ClassVar[str | None] = "sklearn"
    requirement = "scikit-learn"
    files = frozenset({"model.pkl"})

    def new(self, name: str = "model") -> SklearnModelArtifact:
        return SklearnModelArtifact(name)

    def good_object(self) -> Any:
        return SVC(gamma="scale").fit(FEATURES, TARGET)

    def wrong_object(self) -> Any:
        return SVC

    def outcome(self, obj: Any) -> Any:
        return obj.predict(FEATURES).tolist()


class TestForest(TestSvc):
    def good_object(self) -> Any:
        return RandomForestClassifier(n_estimators=5, random_state=0).fit(FEATURES, TARGET)

    def wrong_object(self) -> Any:
        return [1, 2]


class TestPipeline(TestSvc):
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
