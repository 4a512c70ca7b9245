"""The MLflow artifact, on directories that MLflow saves here."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
import yaml
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from bentoml.exceptions import InvalidArgument
from bentoml.frameworks.mlflow import MLflowModelArtifact
from bentoml.service.env import BentoServiceEnv
from tests.environments.late_import import late_import
from tests.frameworks.contract import FrameworkContract, Question

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [
    pytest.mark.environment("boosters"),
    # Of its own code, as it is imported.
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred:UserWarning"),
]

catboost = late_import("catboost")
flavors = late_import("mlflow")
lightgbm = late_import("lightgbm")
pandas = late_import("pandas")
xgboost = late_import("xgboost")

FEATURES, TARGET = load_iris(return_X_y=True)
NAMES = ["sepal_length", "sepal_width", "petal_length", "petal_width"]

SERVICE = """
import bentoml
from bentoml.adapters import DataframeInput
from bentoml.frameworks.mlflow import MLflowModelArtifact


@bentoml.env(infer_pip_packages=True)
@bentoml.artifacts([MLflowModelArtifact("model")])
class Served(bentoml.BentoService):
    @bentoml.api(input=DataframeInput(), batch=True, mb_max_latency=5000)
    def predict(self, df):
        return self.artifacts.model.predict(df).tolist()
"""


def table(rows: Any = FEATURES) -> Any:
    return pandas.DataFrame(rows, columns=NAMES)


def signature() -> Any:
    schema = late_import("mlflow.types").Schema
    column = late_import("mlflow.types").ColSpec
    return late_import("mlflow.models").ModelSignature(inputs=schema([column("double", name) for name in NAMES]))


def save_xgboost(path: Path) -> None:
    wanted = {"objective": "multi:softprob", "num_class": 3}
    booster = xgboost.train(wanted, xgboost.DMatrix(table(), TARGET), num_boost_round=3)
    flavors.xgboost.save_model(booster, path, signature=signature(), pip_requirements=["xgboost", "scipy>=1"])


def save_lightgbm(path: Path) -> None:
    booster = lightgbm.train({"verbosity": -1}, lightgbm.Dataset(FEATURES, TARGET), 3)
    flavors.lightgbm.save_model(booster, path, pip_requirements=["lightgbm"])


def save_catboost(path: Path) -> None:
    model = catboost.CatBoostClassifier(iterations=3, verbose=False, allow_writing_files=False).fit(FEATURES, TARGET)
    flavors.catboost.save_model(model, path, pip_requirements=["catboost"])


def save_pickle(path: Path) -> None:
    model = LogisticRegression(max_iter=500).fit(table(), TARGET)
    flavors.sklearn.save_model(
        model, path, signature=signature(), pip_requirements=["scikit-learn"], serialization_format="cloudpickle"
    )


class TestPickledEstimator(FrameworkContract):
    library: ClassVar[str | None] = "mlflow"
    requirement = "mlflow"
    files = frozenset({"model"})
    service = SERVICE
    pinned: ClassVar[tuple[str, ...]] = ("mlflow-skinny", "scikit-learn")
    pickles: ClassVar[bool] = True
    facts: ClassVar[dict[str, Any]] = {
        "framework": "mlflow",
        "class": "mlflow.pyfunc.PyFuncModel",
        "flavors": ["sklearn"],
        "input_signature": [{"name": name, "dtype": "double", "shape": [None]} for name in NAMES],
    }

    save: ClassVar[Any] = staticmethod(save_pickle)
    source: ClassVar[Path]

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def saved(cls, tmp_path_factory: pytest.TempPathFactory) -> None:
        """Have MLflow save the model."""
        cls.source = tmp_path_factory.mktemp("mlflow") / "saved"
        cls.save(cls.source)

    def new(self, name: str = "model") -> MLflowModelArtifact:
        return MLflowModelArtifact(name)

    def good_object(self) -> Any:
        return self.source

    def wrong_object(self) -> Any:
        return self.source / "MLmodel"

    @staticmethod
    def model(obj: Any) -> Any:
        """What is packed is a path; what comes back is a model."""
        return flavors.pyfunc.load_model(str(obj)) if isinstance(obj, Path) else obj

    def outcome(self, obj: Any) -> Any:
        return self.model(obj).predict(table()).tolist()

    def questions(self, obj: Any) -> list[Question]:
        return [
            Question(json.dumps(table(rows).to_dict("records")).encode(), self.model(obj).predict(table(rows)).tolist())
            for rows in (FEATURES[:1], FEATURES[50:53], FEATURES[149:])
        ]


class TestBooster(TestPickledEstimator):
    pickles = False
    pinned = ("mlflow-skinny",)
    facts: ClassVar[dict[str, Any]] = {**TestPickledEstimator.facts, "flavors": ["xgboost"]}
    save = staticmethod(save_xgboost)


@pytest.mark.parametrize("save", [save_xgboost, save_lightgbm, save_catboost], ids=["xgboost", "lightgbm", "catboost"])
def test_has_pickle_in_files_of_boosters_is_false(tmp_path: Path, save: Callable[[Path], None]) -> None:
    save(tmp_path / "model")
    assert MLflowModelArtifact("model").has_pickle_in(str(tmp_path)) is False


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda found: found["python_function"].update(loader_module="my_loader"), id="other loader"),
        pytest.param(lambda found: found["python_function"].update(code="code"), id="modules"),
        pytest.param(lambda found: found["xgboost"].update(code="code"), id="modules of the flavor"),
        pytest.param(lambda found: found["xgboost"].update(model_class="os.system"), id="other class"),
        pytest.param(lambda found: found["xgboost"].update(model_class="xgboost.core.os.system"), id="class inside"),
        pytest.param(lambda found: found.pop("xgboost"), id="no flavor"),
        pytest.param(lambda found: found.pop("python_function"), id="no function"),
        pytest.param(lambda found: found.update(python_function=["x"]), id="no mapping"),
    ],
)
def test_has_pickle_in_files_that_may_run_code_is_true(tmp_path: Path, change: Callable[[Any], Any]) -> None:
    save_xgboost(tmp_path / "model")
    file = tmp_path / "model" / "MLmodel"
    described = yaml.safe_load(file.read_text(encoding="utf-8"))
    change(described["flavors"])
    file.write_text(yaml.safe_dump(described), encoding="utf-8")
    assert MLflowModelArtifact("model").has_pickle_in(str(tmp_path)) is True


@pytest.mark.parametrize("text", ["", "[1, 2]", "flavors: 1", "{", "\0"], ids=repr)
def test_has_pickle_in_files_nobody_understands_is_true(tmp_path: Path, text: str) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "MLmodel").write_text(text, encoding="utf-8")
    assert MLflowModelArtifact("model").has_pickle_in(str(tmp_path)) is True


def test_pack_keeps_the_model_when_its_directory_goes_after_save(tmp_path: Path) -> None:
    save_lightgbm(tmp_path / "saved")
    (tmp_path / "bundle").mkdir()
    artifact = MLflowModelArtifact("model").pack(tmp_path / "saved")
    artifact.save(str(tmp_path / "bundle"))
    shutil.rmtree(tmp_path / "saved")
    assert artifact.facts()["flavors"] == ["lightgbm"]
    assert artifact.carries_pickle is False


def test_packed_directory_is_saved_again_when_the_first_copy_has_been_moved(tmp_path: Path) -> None:
    save_lightgbm(tmp_path / "saved")
    artifact = MLflowModelArtifact("model").pack(tmp_path / "saved")
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        artifact.save(str(tmp_path / name))
        (tmp_path / name).rename(tmp_path / f"{name}-moved")
    assert MLflowModelArtifact("model").load(str(tmp_path / "second-moved")).facts()["flavors"] == ["lightgbm"]


@pytest.mark.parametrize("wrong", ["models:/name/1", None, 7], ids=repr)
def test_pack_of_no_directory_says_how_to_get_one(wrong: Any) -> None:
    with pytest.raises(InvalidArgument, match=r"fetched by mlflow\.artifacts\.download_artifacts"):
        MLflowModelArtifact("model").pack(wrong)


def test_pack_of_a_model_without_a_function_is_refused(tmp_path: Path) -> None:
    (tmp_path / "MLmodel").write_text("flavors: {onnx: {}}\n", encoding="utf-8")
    with pytest.raises(InvalidArgument, match="no flavor python_function"):
        MLflowModelArtifact("model").pack(tmp_path)


def test_set_dependencies_of_a_packed_model_adds_what_was_logged_with_it(tmp_path: Path) -> None:
    save_xgboost(tmp_path / "saved")
    with (tmp_path / "saved" / "requirements.txt").open("a", encoding="utf-8") as file:
        file.write("\n# a comment\n--no-index\nmlflow==1.0\n")
    env = BentoServiceEnv(infer_pip_packages=True)
    MLflowModelArtifact("model").pack(tmp_path / "saved").set_dependencies(env)
    assert env._pip_packages[0] == "mlflow-skinny"
    assert [line for line in env._pip_packages if line.startswith("scipy")] == ["scipy>=1"]
    assert not [line for line in env._pip_packages if line.startswith(("#", "-", "mlflow=="))]


def test_set_dependencies_when_declared_adds_nothing() -> None:
    env = BentoServiceEnv()
    MLflowModelArtifact("model").set_dependencies(env)
    assert env._pip_packages == []
