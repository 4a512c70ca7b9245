"""Models of statsmodels in a PickleArtifact, which is what they are documented with."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import pytest

from bentoml.service.artifacts.common import PickleArtifact
from tests.environments.late_import import late_import
from tests.frameworks.contract import FrameworkContract, Question

pytestmark = pytest.mark.environment("boosters")

api = late_import("statsmodels.api")
smoothing = late_import("statsmodels.tsa.api")

SERVICE = """
import bentoml
import statsmodels.api as sm
from bentoml.adapters import DataframeInput
from bentoml.service.artifacts.common import PickleArtifact


@bentoml.env(infer_pip_packages=True)
@bentoml.artifacts([PickleArtifact("model")])
class Served(bentoml.BentoService):
    @bentoml.api(input=DataframeInput(), batch=True, mb_max_latency=5000)
    def predict(self, df):
        return self.artifacts.model.predict(sm.add_constant(df, has_constant="add")).tolist()
"""


def copper() -> Any:
    """The world market for copper, 1951 to 1975, that comes with the library."""
    return api.datasets.copper.load_pandas().data


class TestLeastSquares(FrameworkContract):
    files = frozenset({"model.pkl"})
    service = SERVICE
    pinned = ("statsmodels",)
    pickles = True
    facts: ClassVar[dict[str, Any]] = {
        "framework": "statsmodels",
        "class": "statsmodels.regression.linear_model.RegressionResultsWrapper",
    }

    columns = ("COPPERPRICE", "INCOMEINDEX")

    def new(self, name: str = "model") -> PickleArtifact:
        return PickleArtifact(name)

    def good_object(self) -> Any:
        table = copper()
        return api.OLS(table["WORLDCONSUMPTION"], api.add_constant(table[list(self.columns)])).fit()

    def wrong_object(self) -> Any:
        return (number for number in range(3))

    def outcome(self, obj: Any) -> Any:
        return [*obj.params.tolist(), *obj.predict(api.add_constant(copper()[list(self.columns)])).tolist()]

    def questions(self, obj: Any) -> list[Question]:
        tables = [copper()[list(self.columns)].iloc[rows] for rows in (slice(0, 1), slice(3, 6))]
        return [
            Question(
                json.dumps(table.to_dict("records")).encode(),
                obj.predict(api.add_constant(table, has_constant="add")).tolist(),
            )
            for table in tables
        ]

    def is_same(self, actual: Any, expected: Any) -> bool:
        """A product of matrices differs in its last digit with the number of rows."""
        return bool(actual == pytest.approx(expected, rel=1e-12))


class TestSmoothing(TestLeastSquares):
    """A time series; what comes next is asked, so one request brings the number of steps."""

    service = """
import bentoml
from bentoml.adapters import JsonInput
from bentoml.service.artifacts.common import PickleArtifact


@bentoml.env(pip_packages=["statsmodels"])
@bentoml.artifacts([PickleArtifact("model")])
class Served(bentoml.BentoService):
    @bentoml.api(input=JsonInput(), batch=True, mb_max_latency=5000)
    def predict(self, steps):
        return [self.artifacts.model.forecast(count).tolist() for count in steps]
"""
    facts: ClassVar[dict[str, Any]] = {
        "framework": "statsmodels",
        "class": "statsmodels.tsa.holtwinters.results.HoltWintersResultsWrapper",
    }

    def good_object(self) -> Any:
        series = api.datasets.nile.load_pandas().data["volume"]
        return smoothing.ExponentialSmoothing(series, trend="add", initialization_method="estimated").fit()

    def outcome(self, obj: Any) -> Any:
        return obj.forecast(12).tolist()

    def questions(self, obj: Any) -> list[Question]:
        return [Question(str(steps).encode(), obj.forecast(steps).tolist()) for steps in (1, 4, 9)]
