"""Both formats, read back by the parsers of the Prometheus client library."""

from __future__ import annotations

import math

import pytest
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from bentoml.server.metrics.counters import Histogram
from bentoml.server.metrics.exposition import Family, label_text, number_text, wants_openmetrics, written
from bentoml.server.metrics.slices import at_once

PROMETHEUS = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)


def families() -> list[Family]:
    requests = Family("requests", "counter", 'All "requests"\nthat\\came.')
    requests.add(3, (("path", 'a"b\\c\nd'), ("code", "200")))
    depth = Family("depth", "gauge", "Depth.")
    depth.add(-0.5)
    times = Family("time_seconds", "histogram", "Times.", "seconds")
    histogram = Histogram(2)
    for value in (0.5, 1.5, 9.0):
        histogram.observe((1.0, 2.0), value)
    times.add_histogram(histogram, (1.0, 2.0), (("path", "/a"),))
    build = Family("build", "info", "Build.", lines=['build_info{version="1"} 1.0'])
    state = Family("state", "stateset", "State.", lines=['state{state="on"} 1.0', 'state{state="off"} 0.0'])
    other = Family("other", "unknown", "Whatever.", lines=["other 7.0"])
    return [requests, depth, times, build, state, other]


def samples(metrics: list[Metric]) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for metric in metrics
        for sample in metric.samples
    }


SAMPLES = {
    ("requests_total", (("code", "200"), ("path", 'a"b\\c\nd'))): 3.0,
    ("depth", ()): -0.5,
    ("time_seconds_bucket", (("le", "1.0"), ("path", "/a"))): 1.0,
    ("time_seconds_bucket", (("le", "2.0"), ("path", "/a"))): 2.0,
    ("time_seconds_bucket", (("le", "+Inf"), ("path", "/a"))): 3.0,
    ("time_seconds_count", (("path", "/a"),)): 3.0,
    ("time_seconds_sum", (("path", "/a"),)): 11.0,
    ("build_info", (("version", "1"),)): 1.0,
    ("state", (("state", "on"),)): 1.0,
    ("state", (("state", "off"),)): 0.0,
    ("other", ()): 7.0,
}


def test_written_text_is_read_back_whole() -> None:
    metrics = list(read_text(at_once(written(families())).decode()))
    assert samples(metrics) == SAMPLES
    assert {metric.name: metric.type for metric in metrics} == {
        "requests": "counter",
        "depth": "gauge",
        "time_seconds": "histogram",
        "build_info": "gauge",
        "state": "gauge",
        "other": "unknown",
    }
    assert metrics[0].documentation == 'All "requests"\nthat\\came.'


def test_written_openmetrics_is_read_back_whole() -> None:
    text = at_once(written(families(), openmetrics=True)).decode()
    metrics: list[Metric] = list(read_openmetrics(text))  # type: ignore[no-untyped-call]
    assert text.endswith("# EOF\n")
    assert samples(metrics) == SAMPLES
    assert [(metric.name, metric.type) for metric in metrics] == [(each.name, each.kind) for each in families()]
    assert metrics[0].documentation == 'All "requests"\nthat\\came.'
    assert metrics[2].unit == "seconds"


@pytest.mark.parametrize(("value", "text"), [(3, "3.0"), (math.inf, "+Inf"), (-math.inf, "-Inf"), (math.nan, "NaN")])
def test_number_text_of_any_number_is_one_of_the_formats(value: float, text: str) -> None:
    assert number_text(value) == text


def test_label_text_sorts_by_name_and_leaves_nothing_for_none() -> None:
    assert label_text([("b", "2"), ("a", "1")]) == '{a="1",b="2"}'
    assert label_text([]) == ""


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        pytest.param("", False, id="nothing"),
        pytest.param("*/*", False, id="anything"),
        pytest.param(PROMETHEUS, True, id="prometheus"),
        pytest.param("application/openmetrics-text", True, id="bare"),
        pytest.param("Application/OpenMetrics-Text; Version=1.0.0", True, id="case"),
        pytest.param("application/openmetrics-text;q=0", False, id="refused"),
        pytest.param("application/openmetrics-text;q=0.2,text/plain;q=0.5", False, id="second-choice"),
        pytest.param("text/plain,application/openmetrics-text;q=nan", False, id="no-number"),
        pytest.param("application/openmetrics-text;q=" + "9" * 5000, False, id="huge-weight"),
        pytest.param(";;;,,q=1,application/openmetrics-textile", False, id="nonsense"),
    ],
)
def test_wants_openmetrics_follows_the_weights_of_the_client(accept: str, expected: bool) -> None:
    assert wants_openmetrics(accept) is expected
