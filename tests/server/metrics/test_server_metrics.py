from __future__ import annotations

import subprocess
import sys
import timeit
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bentoml.server.metrics.server_metrics import ServerMetrics, metric_prefix

if TYPE_CHECKING:
    from prometheus_client import Metric

ENDPOINT = {"endpoint": "/predict", "service_version": "1.0"}


@pytest.fixture
def metrics() -> ServerMetrics:
    return ServerMetrics("BENTOML", "Iris", "1.0")


def families(metrics: ServerMetrics) -> dict[str, Metric]:
    return {family.name: family for family in text_string_to_metric_families(metrics.render().decode())}


def samples(metrics: ServerMetrics, name: str) -> dict[tuple[tuple[str, str], ...], float]:
    """Values of one sample name by its sorted labels."""
    return {
        tuple(sorted(sample.labels.items())): sample.value
        for family in families(metrics).values()
        for sample in family.samples
        if sample.name == name
    }


def value(metrics: ServerMetrics, name: str, **labels: str) -> float:
    return samples(metrics, name)[tuple(sorted(labels.items()))]


def test_render_without_requests_shows_every_family_with_its_type(metrics: ServerMetrics) -> None:
    assert {name: family.type for name, family in families(metrics).items()} == {
        "BENTOML_Iris_request_duration_seconds": "histogram",
        "BENTOML_Iris_request": "counter",
        "BENTOML_Iris_request_in_progress": "gauge",
        "BENTOML_Iris_mb_batch_size": "histogram",
        "BENTOML_Iris_mb_batch_wait_seconds": "histogram",
        "BENTOML_Iris_mb_batch_compute_seconds": "histogram",
        "BENTOML_Iris_mb_request_duration_seconds": "histogram",
        "BENTOML_Iris_mb_request": "counter",
        "BENTOML_Iris_mb_request_in_progress": "gauge",
        "BENTOML_Iris_mb_request_exception": "counter",
        "BENTOML_Iris_ledger": "counter",
        "BENTOML_Iris_refused": "counter",
        "BENTOML_Iris_failed": "counter",
        "BENTOML_Iris_in_flight": "gauge",
    }


def test_render_after_a_request_shows_it_in_both_groups(metrics: ServerMetrics) -> None:
    predict = metrics.route("predict")
    predict.started()
    predict.finished(200, 0.003)
    predict.started()
    predict.finished(400, 0.2)
    for status in ("200", "400"):
        assert value(metrics, "BENTOML_Iris_request_total", **ENDPOINT, http_response_code=status) == 1
        assert value(metrics, "BENTOML_Iris_request_duration_seconds_count", **ENDPOINT, http_response_code=status) == 1
        assert value(metrics, "BENTOML_Iris_mb_request_total", endpoint="predict", http_response_code=status) == 1
    assert value(
        metrics, "BENTOML_Iris_mb_request_duration_seconds_sum", endpoint="predict", http_response_code="400"
    ) == (pytest.approx(0.2))


@pytest.mark.parametrize(
    ("duration_s", "le", "count"),
    [
        (0.005, "0.005", 1),
        (0.0051, "0.005", 0),
        (0.0051, "0.01", 1),
        (10.0, "10.0", 1),
        (11.0, "10.0", 0),
        (11.0, "+Inf", 1),
    ],
)
def test_finished_with_a_duration_counts_it_in_its_bucket(
    metrics: ServerMetrics, duration_s: float, le: str, count: int
) -> None:
    predict = metrics.route("predict")
    predict.started()
    predict.finished(200, duration_s)
    name = "BENTOML_Iris_request_duration_seconds_bucket"
    assert value(metrics, name, **ENDPOINT, http_response_code="200", le=le) == count


def test_duration_buckets_are_those_of_the_prometheus_client(metrics: ServerMetrics) -> None:
    from prometheus_client import Histogram
    from prometheus_client.utils import floatToGoString

    metrics.route("predict").finished(200, 1)
    found = [dict(labels)["le"] for labels in samples(metrics, "BENTOML_Iris_mb_request_duration_seconds_bucket")]
    assert found == [floatToGoString(bound) for bound in Histogram.DEFAULT_BUCKETS]  # type: ignore[no-untyped-call]


def test_started_before_finished_shows_in_progress(metrics: ServerMetrics) -> None:
    posts, gets = metrics.route("predict"), metrics.route("predict", "GET")
    posts.started()
    posts.started()
    gets.started()
    assert value(metrics, "BENTOML_Iris_request_in_progress", **ENDPOINT) == 3
    assert value(metrics, "BENTOML_Iris_mb_request_in_progress", endpoint="predict", http_method="POST") == 2
    assert value(metrics, "BENTOML_Iris_mb_request_in_progress", endpoint="predict", http_method="GET") == 1
    posts.finished(200, 0.1)
    gets.finished(200, 0.1)
    assert value(metrics, "BENTOML_Iris_request_in_progress", **ENDPOINT) == 1
    assert value(metrics, "BENTOML_Iris_request_total", **ENDPOINT, http_response_code="200") == 2


@pytest.mark.parametrize(
    ("size", "le"),
    [(1, "1.0"), (2, "2.0"), (3, "4.0"), (4, "4.0"), (5, "8.0"), (4096, "4096.0"), (4097, "+Inf"), (10**6, "+Inf")],
)
def test_batch_formed_with_a_size_counts_it_in_the_first_bucket_that_holds_it(
    metrics: ServerMetrics, size: int, le: str
) -> None:
    metrics.route("predict").batch_formed(size)
    counts = {
        dict(labels)["le"]: count for labels, count in samples(metrics, "BENTOML_Iris_mb_batch_size_bucket").items()
    }
    assert list(counts) == [*(f"{1 << power}.0" for power in range(13)), "+Inf"]
    assert next(bound for bound, count in counts.items() if count) == le
    assert value(metrics, "BENTOML_Iris_mb_batch_size_sum", endpoint="predict") == size


def test_failed_counts_by_exception_class(metrics: ServerMetrics) -> None:
    predict = metrics.route("predict")
    predict.failed("WorkerLost")
    predict.failed("WorkerLost")
    name = "BENTOML_Iris_mb_request_exception_total"
    assert value(metrics, name, endpoint="predict", exception_class="WorkerLost") == 2


def test_other_endpoints_are_counted_in_the_request_group_only(metrics: ServerMetrics) -> None:
    for counters in (metrics.other("/healthz"), metrics.unknown(), metrics.unknown()):
        counters.started()
        counters.finished(404, 0.001)
    name = "BENTOML_Iris_request_total"
    labels = {"service_version": "1.0", "http_response_code": "404"}
    assert value(metrics, name, endpoint="/healthz", **labels) == 1
    assert value(metrics, name, endpoint="unknown", **labels) == 2
    assert samples(metrics, "BENTOML_Iris_mb_request_total") == {}


def test_route_asked_twice_is_the_same(metrics: ServerMetrics) -> None:
    assert metrics.route("predict") is metrics.route("/predict", "POST")
    assert metrics.route("predict") is not metrics.route("predict", "GET")


def test_gauge_and_counter_are_read_when_rendered(metrics: ServerMetrics) -> None:
    depth = 3
    metrics.gauge("queue_depth", "Requests that wait.", lambda: depth)
    metrics.counter("worker_restarts_total", "Workers replaced.", lambda: 2)
    metrics.counter("turns", "Turns.", lambda: {"left": 4, "right": 5}, label="side")
    depth = 7
    assert value(metrics, "BENTOML_Iris_queue_depth") == 7
    assert value(metrics, "BENTOML_Iris_worker_restarts_total") == 2
    assert value(metrics, "BENTOML_Iris_turns_total", side="right") == 5
    assert families(metrics)["BENTOML_Iris_queue_depth"].documentation == "Requests that wait."


def test_render_with_odd_labels_escapes_them() -> None:
    odd = 'a"b\\c\nd ü'
    metrics = ServerMetrics("BENTOML", "Iris", odd)
    metrics.route(odd).started()
    assert value(metrics, "BENTOML_Iris_request_in_progress", endpoint=f"/{odd}", service_version=odd) == 1


@pytest.mark.parametrize(
    ("namespace", "service", "prefix"),
    [
        ("BENTOML", "IrisClassifier", "BENTOML_IrisClassifier"),
        ("my-shop.eu", "Iris", "my_shop_eu_Iris"),
        ("", "Iris", "Iris"),
        ("  ", "Iris", "Iris"),
        ("3d", "Iris", "_3d_Iris"),
        ("a{b}\n", "Größe", "a_b__Gr__e"),
    ],
)
def test_metric_prefix_with_any_text_is_a_metric_name(namespace: str, service: str, prefix: str) -> None:
    assert metric_prefix(namespace, service) == prefix
    assert families(ServerMetrics(namespace, service, "1"))[f"{prefix}_request"].type == "counter"


def test_collecting_can_be_interrupted_at_every_route(metrics: ServerMetrics) -> None:
    for number in range(20):
        metrics.route(f"predict_{number}").started()
    assert len(list(metrics.collecting())) >= 2 * 20


def test_import_of_metrics_leaves_prometheus_client_out() -> None:
    code = "import sys, bentoml.server.metrics.server_metrics; sys.exit('prometheus_client' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_finished_costs_about_a_microsecond(metrics: ServerMetrics) -> None:
    predict = metrics.route("predict")

    def observe() -> None:
        predict.started()
        predict.finished(200, 0.012)

    best_s = min(timeit.repeat(observe, number=2000, repeat=20)) / 2000
    # The target is 1 microsecond; the margin is for machines that are slow or busy.
    assert best_s < 5e-6
