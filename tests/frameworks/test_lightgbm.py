"""The LightGBM artifact, on models that were really trained."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_iris

from bentoml.exceptions import ArtifactLoadingException, InvalidArgument
from bentoml.frameworks.lightgbm import LightGBMModelArtifact
from bentoml.service.env import BentoServiceEnv
from tests.environments.late_import import late_import
from tests.frameworks.contract import FrameworkContract, Question

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.environment("boosters")

lightgbm = late_import("lightgbm")
pandas = late_import("pandas")

FEATURES, TARGET = load_iris(return_X_y=True)

SERVICE = """
import bentoml
from bentoml.adapters import NumpyNdarrayInput
from bentoml.frameworks.lightgbm import LightGBMModelArtifact


@bentoml.env(infer_pip_packages=True)
@bentoml.artifacts([LightGBMModelArtifact("model")])
class Served(bentoml.BentoService):
    @bentoml.api(input=NumpyNdarrayInput(dtype="float64", shape=(None, 4)), batch=True, mb_max_latency=5000)
    def predict(self, rows):
        return self.artifacts.model.predict(rows)
"""


class TestClassifier(FrameworkContract):
    library: ClassVar[str | None] = "lightgbm"
    requirement = "lightgbm"
    files = frozenset({"model.txt"})
    service = SERVICE
    facts: ClassVar[dict[str, Any]] = {
        "framework": "lightgbm",
        "class": "lightgbm.basic.Booster",
        "input_signature": [{"name": None, "dtype": "float64", "shape": [None, 4]}],
        "feature_names": ["a", "b", "c", "d"],
        "trees": 15,
    }

    def new(self, name: str = "model") -> LightGBMModelArtifact:
        return LightGBMModelArtifact(name)

    def good_object(self) -> Any:
        parameters = {"objective": "multiclass", "num_class": 3, "verbosity": -1, "seed": 0}
        return lightgbm.train(parameters, lightgbm.Dataset(FEATURES, TARGET, feature_name=list("abcd")), 5)

    def wrong_object(self) -> Any:
        return "model.txt"

    def outcome(self, obj: Any) -> Any:
        return obj.predict(FEATURES).tolist()

    def questions(self, obj: Any) -> list[Question]:
        return [
            Question(json.dumps(rows.tolist()).encode(), obj.predict(rows).tolist())
            for rows in (FEATURES[:1], FEATURES[50:53], FEATURES[149:])
        ]


def saved_and_loaded(model: Any, directory: Path) -> Any:
    LightGBMModelArtifact("model").pack(model).save(str(directory))
    return LightGBMModelArtifact("model").load(str(directory)).get()


def test_pack_of_the_interface_of_scikit_learn_says_what_to_pack() -> None:
    model = lightgbm.LGBMClassifier(n_estimators=2, verbosity=-1).fit(FEATURES, TARGET)
    with pytest.raises(InvalidArgument, match=r"pack model\.booster_"):
        LightGBMModelArtifact("model").pack(model)


def test_load_of_a_damaged_file_names_the_artifact(tmp_path: Path) -> None:
    (tmp_path / "model.txt").write_text("no model", encoding="utf-8")
    with pytest.raises(ArtifactLoadingException, match=r"'model': .*model\.txt is not whole"):
        LightGBMModelArtifact("model").load(str(tmp_path))


def test_load_of_a_file_that_was_cut_anywhere_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "model.txt"
    LightGBMModelArtifact("model").pack(TestClassifier().good_object()).save(str(tmp_path))
    content = file.read_bytes()
    end = content.rindex(b"pandas_categorical:")
    for length in range(0, end, 97):
        file.write_bytes(content[:length])
        with pytest.raises(ArtifactLoadingException, match="is not whole"):
            LightGBMModelArtifact("model").load(str(tmp_path))


def test_load_of_a_file_that_lacks_a_tree_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "model.txt"
    LightGBMModelArtifact("model").pack(TestClassifier().good_object()).save(str(tmp_path))
    content = file.read_bytes()
    file.write_bytes(content[: content.index(b"Tree=1\n")] + content[content.index(b"Tree=2\n") :])
    with pytest.raises(ArtifactLoadingException, match="is not whole"):
        LightGBMModelArtifact("model").load(str(tmp_path))


def test_load_of_a_tree_that_is_none_ends_no_process(tmp_path: Path) -> None:
    file = tmp_path / "model.txt"
    LightGBMModelArtifact("model").pack(TestClassifier().good_object()).save(str(tmp_path))
    file.write_bytes(file.read_bytes().replace(b"num_leaves=", b"num_heaves="))
    with pytest.raises(ArtifactLoadingException, match="num_leaves"):
        LightGBMModelArtifact("model").load(str(tmp_path))


def test_load_of_a_file_without_sizes_of_trees_gives_same_predictions(tmp_path: Path) -> None:
    file, model = tmp_path / "model.txt", TestClassifier().good_object()
    LightGBMModelArtifact("model").pack(model).save(str(tmp_path))
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    file.write_text("".join(line for line in lines if not line.startswith("tree_sizes=")), encoding="utf-8")
    assert np.array_equal(
        LightGBMModelArtifact("model").load(str(tmp_path)).get().predict(FEATURES), model.predict(FEATURES)
    )


def test_load_of_a_model_with_categories_knows_them(tmp_path: Path) -> None:
    table = pandas.DataFrame({"kind": pandas.Categorical(list("abcabcabc") * 10), "size": range(90)})
    model = lightgbm.train({"verbosity": -1}, lightgbm.Dataset(table, [*range(3)] * 30), 5)
    assert np.array_equal(saved_and_loaded(model, tmp_path).predict(table), model.predict(table))


def test_load_of_a_model_that_stopped_early_predicts_with_its_best_iteration(tmp_path: Path) -> None:
    features, target = load_breast_cancer(return_X_y=True)
    training = lightgbm.Dataset(features[:300], target[:300])
    model = lightgbm.train(
        {"objective": "binary", "verbosity": -1, "learning_rate": 0.5},
        training,
        num_boost_round=200,
        valid_sets=[training.create_valid(features[300:], target[300:])],
        callbacks=[lightgbm.early_stopping(3, verbose=False)],
        keep_training_booster=True,
    )
    assert 0 < model.best_iteration < model.num_trees()
    loaded = saved_and_loaded(model, tmp_path)
    assert loaded.num_trees() == model.best_iteration
    assert np.array_equal(loaded.predict(features), model.predict(features))


@pytest.mark.parametrize(("infer", "expected"), [(True, ["lightgbm"]), (False, [])], ids=["inferred", "declared"])
def test_set_dependencies_adds_lightgbm_only_when_inferring(infer: bool, expected: list[str]) -> None:
    env = BentoServiceEnv(infer_pip_packages=infer)
    LightGBMModelArtifact("model").set_dependencies(env)
    assert env._pip_packages == expected
