"""Models of Prophet: as text, which the library writes and reads, and in a PickleArtifact."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from bentoml.service.artifacts.common import PickleArtifact, TextFileArtifact
from tests.environments.late_import import late_import
from tests.frameworks.contract import FrameworkContract, Question

pytestmark = [
    pytest.mark.environment("boosters"),
    # It writes to tables in ways that newer versions of pandas warn of.
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning"),
]

datasets = late_import("statsmodels.api")
prophet = late_import("prophet")
serialize = late_import("prophet.serialize")

SERVICE = """
import bentoml
from bentoml.adapters import JsonInput
from bentoml.service.artifacts.common import TextFileArtifact
from prophet.serialize import model_from_json


@bentoml.env(infer_pip_packages=True)
@bentoml.artifacts([TextFileArtifact("model", file_extension=".json")])
class Served(bentoml.BentoService):
    @bentoml.api(input=JsonInput(), batch=True, mb_max_latency=5000)
    def predict(self, months):
        model = model_from_json(self.artifacts.model)
        future = model.make_future_dataframe(max(months), freq="MS", include_history=False)
        values = model.predict(future)["yhat"].tolist()
        return [values[:count] for count in months]
"""


def trained() -> Any:
    """Carbon dioxide in the air over Hawaii, month by month."""
    series = datasets.datasets.co2.load_pandas().data.resample("MS").mean().interpolate().tail(120)
    table = series.reset_index().set_axis(["ds", "y"], axis=1)
    return prophet.Prophet(weekly_seasonality=False, daily_seasonality=False, uncertainty_samples=0).fit(table)


def forecast(model: Any, months: int = 12) -> Any:
    future = model.make_future_dataframe(months, freq="MS", include_history=False)
    return model.predict(future)["yhat"].tolist()


class TestText(FrameworkContract):
    files = frozenset({"model.json"})
    service = SERVICE
    pinned = ("prophet",)

    def new(self, name: str = "model") -> TextFileArtifact:
        return TextFileArtifact(name, file_extension=".json")

    def good_object(self) -> Any:
        return serialize.model_to_json(trained())

    def wrong_object(self) -> Any:
        return prophet.Prophet()

    def outcome(self, obj: Any) -> Any:
        return forecast(serialize.model_from_json(obj))

    def questions(self, obj: Any) -> list[Question]:
        return [Question(str(months).encode(), self.outcome(obj)[:months]) for months in (1, 5, 12)]

    def is_same(self, actual: Any, expected: Any) -> bool:
        return bool(actual == pytest.approx(expected, rel=1e-9))

    def test_facts_tell_class_and_version(self, packed: Any) -> None:
        """Of a text nothing but that it is one."""
        assert self.new().pack(packed).facts() == {"class": "builtins.str"}


class TestPickle(FrameworkContract):
    files = frozenset({"model.pkl"})
    service = (
        SERVICE.replace("TextFileArtifact", "PickleArtifact")
        .replace(', file_extension=".json"', "")
        .replace("model_from_json(self.artifacts.model)", "self.artifacts.model")
        .replace("from prophet.serialize import model_from_json", "import prophet")
    )
    pinned = ("prophet",)
    pickles = True
    facts: ClassVar[dict[str, Any]] = {"framework": "prophet", "class": "prophet.forecaster.Prophet"}

    def new(self, name: str = "model") -> PickleArtifact:
        return PickleArtifact(name)

    def good_object(self) -> Any:
        return trained()

    def wrong_object(self) -> Any:
        return (number for number in range(3))

    def outcome(self, obj: Any) -> Any:
        return forecast(obj)

    def questions(self, obj: Any) -> list[Question]:
        return [Question(str(months).encode(), forecast(obj)[:months]) for months in (1, 5, 12)]

    def is_same(self, actual: Any, expected: Any) -> bool:
        return bool(actual == pytest.approx(expected, rel=1e-9))
