from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from bentoml.yatai.server.web.bundle_rows import BundleRow
from bentoml.yatai.server.web.charts import HEIGHT, WIDTH, series_of

if TYPE_CHECKING:
    from collections.abc import Mapping


def row(metrics: Mapping[str, float]) -> BundleRow:
    return BundleRow("Iris", "1", None, None, {}, (), (), (), metrics)


def points(text: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in (point.split(",") for point in text.split())]


def test_oldest_version_is_left_and_highest_value_on_top() -> None:
    (chart,) = series_of([row({"accuracy": 0.9}), row({"accuracy": 0.5}), row({"accuracy": 0.1})])
    (left, low), _, (right, high) = points(chart.points)
    assert (left, right) == (0, WIDTH)
    assert low > high
    assert (chart.last, chart.low, chart.high) == ("0.9", "0.1", "0.9")
    assert chart.described == "accuracy over 3 versions, from 0.1 to 0.9; lowest 0.1, highest 0.9"


def test_metric_of_one_version_has_no_chart() -> None:
    assert series_of([row({"accuracy": 0.9}), row({"f1": 0.5})]) == []


def test_versions_without_the_metric_are_left_out() -> None:
    (chart,) = series_of([row({"f1": 1.0}), row({}), row({"f1": 2.0})])
    assert chart.count == 2


def test_every_number_stays_in_the_chart() -> None:
    largest = sys.float_info.max
    for values in ([largest, -largest], [5e-324, 0.0], [0.0, 0.0], [3.0, 3.0], [-1e-300, 1e300]):
        (chart,) = series_of([row({"m": value}) for value in values])
        assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in points(chart.points)), values


def test_number_of_charts_is_limited() -> None:
    metrics = {f"m{number}": float(number) for number in range(100)}
    assert len(series_of([row(metrics), row(metrics)])) == 12
