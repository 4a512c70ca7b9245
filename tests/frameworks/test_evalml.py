"""The EvalML artifact, on a pipeline that is trained here."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import pytest
from sklearn.datasets import load_breast_cancer

from bentoml.frameworks.evalml import EvalMLModelArtifact
from tests.environments.late_import import late_import
from tests.frameworks.contract import FrameworkContract, Question

pytestmark = [pytest.mark.environment("evalml"), pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(300)]

pandas = late_import("pandas")
pipelines = late_import("evalml.pipelines")

FEATURES, TARGET = load_breast_cancer(return_X_y=True)
FEATURES = FEATURES[:, :4]
NAMES = ["radius", "texture", "perimeter", "area"]

SERVICE = """
import bentoml
from bentoml.adapters import DataframeInput
from bentoml.frameworks.evalml import EvalMLModelArtifact


@bentoml.env(infer_pip_packages=True)
@bentoml.artifacts([EvalMLModelArtifact("model")])
class Served(bentoml.BentoService):
    @bentoml.api(input=DataframeInput(), batch=True, mb_max_latency=20000)
    def predict(self, df):
        return self.artifacts.model.predict(df.astype("float64")).tolist()
"""


def table(rows: Any = FEATURES) -> Any:
    return pandas.DataFrame(rows, columns=NAMES)


class TestPipeline(FrameworkContract):
    library: ClassVar[str | None] = "evalml"
    requirement = "evalml"
    pinned = ("dask", "distributed", "evalml", "pyarrow")
    files = frozenset({"model.pkl"})
    service = SERVICE
    pickles = True
    facts: ClassVar[dict[str, Any]] = {
        "framework": "evalml",
        "class": "evalml.pipelines.binary_classification_pipeline.BinaryClassificationPipeline",
    }

    def new(self, name: str = "model") -> EvalMLModelArtifact:
        return EvalMLModelArtifact(name)

    def good_object(self) -> Any:
        pipeline = pipelines.BinaryClassificationPipeline(["Imputer", "Logistic Regression Classifier"])
        return pipeline.fit(table(), pandas.Series(TARGET))

    def wrong_object(self) -> Any:
        return pipelines.BinaryClassificationPipeline

    def outcome(self, obj: Any) -> Any:
        return obj.predict(table()).tolist()

    def questions(self, obj: Any) -> list[Question]:
        return [
            Question(json.dumps(table(rows).to_dict("records")).encode(), obj.predict(table(rows)).tolist())
            for rows in (FEATURES[:2], FEATURES[50:53], FEATURES[560:])
        ]
