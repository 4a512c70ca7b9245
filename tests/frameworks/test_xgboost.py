"""The XGBoost artifact, on models that were really trained."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pytest
from sklearn.datasets import load_iris

from bentoml.exceptions import ArtifactLoadingException, BentoMLConfigException, InvalidArgument
from bentoml.frameworks.xgboost import XgboostModelArtifact
from bentoml.service.env import BentoServiceEnv
from tests.environments.late_import import late_import
from tests.frameworks.contract import FrameworkContract, Question

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.environment("boosters")

xgboost = late_import("xgboost")

FEATURES, TARGET = load_iris(return_X_y=True)
NAMES = ["sepal_length", "sepal_width", "petal_length", "petal_width"]

SERVICE = """
import bentoml
import xgboost
from bentoml.adapters import DataframeInput
from bentoml.frameworks.xgboost import XgboostModelArtifact


@bentoml.env(infer_pip_packages=True)
@bentoml.artifacts([XgboostModelArtifact("model")])
class Served(bentoml.BentoService):
    @bentoml.api(input=DataframeInput(), batch=True, mb_max_latency=5000)
    def predict(self, df):
        return self.artifacts.model.predict(xgboost.DMatrix(df)).tolist()
"""


def matrix(rows: Any = FEATURES, target: Any = None) -> Any:
    return xgboost.DMatrix(rows, target, feature_names=NAMES)


def trained(**parameters: Any) -> Any:
    wanted = {"objective": "multi:softprob", "num_class": 3, "seed": 0, **parameters}
    return xgboost.train(wanted, matrix(target=TARGET), num_boost_round=5)


class TestClassifier(FrameworkContract):
    library: ClassVar[str | None] = "xgboost"
    requirement = "xgboost"
    files = frozenset({"model.model"})
    service = SERVICE
    facts: ClassVar[dict[str, Any]] = {
        "framework": "xgboost",
        "class": "xgboost.core.Booster",
        "input_signature": [{"name": None, "dtype": "float32", "shape": [None, 4]}],
        "feature_names": NAMES,
        "boosting_rounds": 5,
    }

    @property
    def pinned(self) -> tuple[str, ...]:  # type: ignore[override]  # there are two distributions of one library
        env = BentoServiceEnv(infer_pip_packages=True)
        self.new().set_dependencies(env)
        return tuple(env._pip_packages)

    def new(self, name: str = "model") -> XgboostModelArtifact:
        return XgboostModelArtifact(name)

    def good_object(self) -> Any:
        return trained()

    def wrong_object(self) -> Any:
        return "model.json"

    def outcome(self, obj: Any) -> Any:
        return obj.predict(matrix()).tolist()

    def questions(self, obj: Any) -> list[Question]:
        return [
            Question(
                json.dumps([dict(zip(NAMES, row, strict=True)) for row in rows.tolist()]).encode(),
                obj.predict(matrix(rows)).tolist(),
            )
            for rows in (FEATURES[:1], FEATURES[50:53], FEATURES[149:])
        ]


def test_pack_of_the_interface_of_scikit_learn_says_what_to_pack() -> None:
    model = xgboost.XGBClassifier(n_estimators=2).fit(FEATURES, TARGET)
    with pytest.raises(InvalidArgument, match=r"pack model\.get_booster\(\)"):
        XgboostModelArtifact("model").pack(model)


def test_load_of_json_as_older_versions_wrote_it_gives_same_predictions(tmp_path: Path) -> None:
    booster = trained()
    booster.save_model(str(tmp_path / "other.json"))
    (tmp_path / "other.json").rename(tmp_path / "model.model")
    loaded = XgboostModelArtifact("model").load(str(tmp_path)).get()
    assert np.array_equal(loaded.predict(matrix()), booster.predict(matrix()))


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"binf\0\0\0\x3f" + bytes(200), r"install 'xgboost<3\.1'"), (b"", "is empty")],
    ids=["binary format", "empty"],
)
def test_load_of_what_xgboost_does_not_read_says_what_to_do(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "model.model").write_bytes(content)
    with pytest.raises(ArtifactLoadingException, match=words):
        XgboostModelArtifact("model").load(str(tmp_path))


def test_load_of_a_file_that_was_cut_anywhere_is_refused(tmp_path: Path) -> None:
    XgboostModelArtifact("model").pack(trained()).save(str(tmp_path))
    file = tmp_path / "model.model"
    content = file.read_bytes()
    for length in range(2, len(content), 97):  # XGBoost would end the process at some of these
        file.write_bytes(content[:length])
        with pytest.raises(ArtifactLoadingException, match=r"'model': .*model\.model is damaged"):
            XgboostModelArtifact("model").load(str(tmp_path))


def test_load_puts_the_model_onto_the_chosen_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    XgboostModelArtifact("model").pack(trained()).save(str(tmp_path))
    monkeypatch.setenv("BENTOML_DEVICE", "cpu")
    loaded = XgboostModelArtifact("model").load(str(tmp_path)).get()
    assert json.loads(loaded.save_config())["learner"]["generic_param"]["device"] == "cpu"
    monkeypatch.setenv("BENTOML_DEVICE", "toaster")
    with pytest.raises(BentoMLConfigException, match="toaster"):
        XgboostModelArtifact("model").load(str(tmp_path))


def test_load_of_a_model_trained_with_early_stopping_keeps_its_best_iteration(tmp_path: Path) -> None:
    data = matrix(target=TARGET)
    wanted = {"objective": "multi:softprob", "num_class": 3, "eta": 1.5}
    evals, quiet = [(data, "train")], False
    booster = xgboost.train(wanted, data, num_boost_round=60, evals=evals, early_stopping_rounds=2, verbose_eval=quiet)
    XgboostModelArtifact("model").pack(booster).save(str(tmp_path))
    assert XgboostModelArtifact("model").load(str(tmp_path)).get().best_iteration == booster.best_iteration


@pytest.mark.parametrize("infer", [True, False], ids=["inferred", "declared"])
def test_set_dependencies_adds_xgboost_only_when_inferring(infer: bool) -> None:
    env = BentoServiceEnv(infer_pip_packages=infer)
    XgboostModelArtifact("model").set_dependencies(env)
    assert [name.removesuffix("-cpu") for name in env._pip_packages] == ["xgboost"] * infer
