"""What a worker reports of the library's default registry, which the tests fill and empty again."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import prometheus_client
import pytest
from prometheus_client import REGISTRY, Counter, Enum, Gauge, Histogram, Info, Metric, Summary
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from bentoml.server.metrics.metric_parts import MAX_SAMPLES, Part, unpacked
from bentoml.server.metrics.registry_report import MAX_PROBLEMS, Inherited, RegistryReporter, Report
from bentoml.server.transport import wire


@pytest.fixture(autouse=True)
def clean_registry() -> Iterator[None]:
    before = set(REGISTRY._collector_to_names)
    yield
    for collector in set(REGISTRY._collector_to_names) - before:
        REGISTRY.unregister(collector)


class Custom(Collector):
    """A collector as users write them."""

    def __init__(self, *metrics: Metric, error: Exception | None = None) -> None:
        self.metrics = metrics
        self.error = error
        REGISTRY.register(self)

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        yield from self.metrics
        if self.error is not None:
            raise self.error


def reported(inherited: dict[str, float] | None = None) -> dict[str, Part]:
    """By name, after a way through the frame."""
    kind, parts, problems = Report.of_registry(inherited).frame()
    assert kind == wire.METRICS
    assert problems == []
    metrics = [unpacked(part) for part in parts]
    return {metric.name: metric for metric in metrics}


def problems() -> list[list[str]]:
    _, parts, found = Report.of_registry().frame()
    for part in parts:
        unpacked(part)
    return list(found)


def test_report_of_an_untouched_registry_is_empty() -> None:
    # What the library measures of its process, garbage collector and platform is left out.
    assert len(REGISTRY._collector_to_names) >= 3
    assert reported() == {}


def test_report_has_the_samples_of_each_type_but_not_when_they_were_made() -> None:
    orders = Counter("orders", "Orders.", ["shop"])
    orders.labels('a"b\\c\nd').inc(3)
    sizes = Histogram("size_bytes", "Sizes.", buckets=(1, 10), unit="bytes")
    sizes.observe(5)
    Summary("waits", "Waits.").observe(2.5)
    Info("build", "Build.").info({"version": "1"})
    Enum("state", "State.", states=["off", "on"]).state("on")
    metrics = reported()
    assert metrics["orders"].values == {'orders_total{shop="a\\"b\\\\c\\nd"}': 3.0}
    assert metrics["orders"].documentation == "Orders."
    assert metrics["size_bytes"].unit == "bytes"
    assert metrics["size_bytes"].shape == "1.0,10.0,+Inf"
    assert metrics["size_bytes"].values == {
        'size_bytes_bucket{le="1.0"}': 0.0,
        'size_bytes_bucket{le="10.0"}': 1.0,
        'size_bytes_bucket{le="+Inf"}': 1.0,
        "size_bytes_count": 1.0,
        "size_bytes_sum": 5.0,
    }
    assert metrics["waits"].values == {"waits_count": 1.0, "waits_sum": 2.5}
    assert metrics["build"].values == {'build_info{version="1"}': 1.0}
    assert metrics["state"].values == {'state{state="off"}': 0.0, 'state{state="on"}': 1.0}


@pytest.mark.parametrize("mode", sorted(Gauge._MULTIPROC_MODES))
def test_gauge_has_a_pid_where_each_process_is_shown(mode: Any) -> None:
    Gauge("ready", "Ready.", ["model"], multiprocess_mode=mode).labels("a").set(1)
    part = reported()["ready"]
    assert part.mode == mode
    pid = f',pid="{os.getpid()}"' if mode in {"all", "liveall"} else ""
    assert part.values == {f'ready{{model="a"{pid}}}': 1.0}


@pytest.mark.parametrize("mode", ["mostrecent", "livemostrecent"])
def test_gauge_of_the_newest_number_knows_when_it_was_set(mode: Any) -> None:
    gauge = Gauge("newest", "Newest.", ["model"], multiprocess_mode=mode)
    gauge.labels("never")
    gauge.labels("early").set(7)
    reporter = RegistryReporter()
    before_s = time.time()
    gauge.labels("early").set(8)
    gauge.labels("late").set(9)
    ((_, (data,), _),) = reporter.frames()
    part = unpacked(data)
    assert part.values == {'newest{model="never"}': 0.0, 'newest{model="early"}': 8.0, 'newest{model="late"}': 9.0}
    assert part.times['newest{model="never"}'] == 0.0
    assert before_s <= part.times['newest{model="early"}'] <= time.time()
    assert before_s <= part.times['newest{model="late"}'] <= time.time()


def test_collectors_of_the_user_are_reported_as_readings_of_this_process() -> None:
    plain = GaugeMetricFamily("gpu_memory", "Memory.", labels=["gpu"])
    plain.add_metric(["0"], 5)
    plain.add_metric(["1"], 6, timestamp=123)
    Custom(plain, CounterMetricFamily("jobs", "Jobs.", value=4))
    metrics = reported()
    assert metrics["gpu_memory"].mode == "liveall"
    assert metrics["gpu_memory"].values == {
        f'gpu_memory{{gpu="0",pid="{os.getpid()}"}}': 5.0,
        f'gpu_memory{{gpu="1",pid="{os.getpid()}"}}': 6.0,
    }
    assert metrics["jobs"].values == {"jobs_total": 4.0}


def test_odd_names_become_legal_ones() -> None:
    # Newer versions of the library take any name.
    odd = Metric("legal", "Odd.", "gauge")
    odd.name = "3d.größe"
    odd.add_sample("3d.größe", {"Größe": "1"}, 2)
    Custom(odd)
    assert reported()["_3d_gr__e"].values == {f'_3d_gr__e{{Gr__e="1",pid="{os.getpid()}"}}': 2.0}


def test_collector_that_fails_is_a_problem_and_the_others_are_shown() -> None:
    Counter("orders", "Orders.").inc()
    Custom(GaugeMetricFamily("half", "Half.", value=1), error=RuntimeError("no GPU"))
    (problem,) = problems()
    assert problem == ["Custom", "its numbers cannot be read: RuntimeError: no GPU"]
    assert "orders" in Report.of_registry().metrics


def test_metric_with_a_name_that_is_taken_or_a_type_that_cannot_be_shown_is_a_problem() -> None:
    Custom(GaugeMetricFamily("twice", "1.", value=1), GaugeMetricFamily("twice", "2.", value=2))
    Custom(Metric("spread", "Spread.", "gaugehistogram"))
    assert [name for name, _ in problems()] == ["twice", "spread"]


def test_metric_with_too_many_series_is_left_out_before_they_are_copied() -> None:
    Counter("few", "Few.").inc()
    many = Counter("many", "Many.", ["customer"])
    children: dict[Any, Any] = {(f"{number}",): many for number in range(1_000_000)}
    many._metrics = children
    started_s = time.perf_counter()
    ((name, problem),) = problems()
    assert time.perf_counter() - started_s < 0.2
    assert name == "many"
    assert f"more than {MAX_SAMPLES}" in problem
    assert list(Report.of_registry().metrics) == ["few"]


def test_collector_with_too_many_samples_or_huge_labels_is_left_out() -> None:
    large = GaugeMetricFamily("large", "Large.", labels=["x"])
    for number in range(MAX_SAMPLES + 1):
        large.add_metric([str(number)], 1)
    long = GaugeMetricFamily("long", "Long.", labels=["x"])
    long.add_metric(["x" * 5000], 1)
    Custom(large, long, GaugeMetricFamily("small", "Small.", value=1))
    assert [name for name, _ in problems()] == ["large", "long"]
    assert list(Report.of_registry().metrics) == ["small"]


def test_report_with_too_many_bytes_leaves_metrics_out() -> None:
    for number in range(3):
        wide = GaugeMetricFamily(f"wide_{number}", "Wide.", labels=["x"])
        for row in range(1000):
            wide.add_metric([f"{row:04000}"], 1)
        Custom(wide)
    _, parts, ((name, problem),) = Report.of_registry().frame()
    assert name == "wide_2"
    assert "bytes" in problem
    assert {unpacked(part).name for part in parts} == {"wide_0", "wide_1"}


def test_very_many_metrics_end_the_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []

    class Counted(Custom):
        def __init__(self, number: int) -> None:
            super().__init__()
            self.number = number

        def collect(self) -> Iterator[Metric]:
            read.append(self.number)
            large = GaugeMetricFamily(f"large_{self.number}", "Large.", labels=["x"])
            for row in range(900):
                large.add_metric([str(row)], 1)
            yield large

    for number in range(100):
        Counted(number)
    assert len(problems()) == MAX_PROBLEMS
    assert max(read) == MAX_SAMPLES // 900 + MAX_PROBLEMS - 1


def test_nothing_of_the_users_own_is_run_before_a_fork() -> None:
    Custom(error=RuntimeError("CUDA is initialised"))
    Gauge("device", "Device.").set_function(lambda: 1 / 0)
    Counter("orders", "Orders.").inc()
    inherited = Inherited.here()
    assert inherited is not None
    assert inherited.values == {"orders_total": 1.0}


def test_forked_process_reports_what_it_has_counted_itself_and_once_what_was_before() -> None:
    orders = Counter("orders", "Orders.", ["shop"])
    sizes = Histogram("size", "Sizes.", buckets=(1, 10))
    Gauge("ready", "Ready.").set(1)
    assert Inherited.here() is None
    orders.labels("a").inc(5)
    sizes.observe(5)
    inherited = Inherited.here()
    assert inherited is not None
    assert {unpacked(part).name for part in inherited.parts} == {"orders", "size"}
    orders.labels("a").inc(2)
    orders.labels("b").inc()
    reporter = RegistryReporter(inherited)
    first, second = reporter.frames()
    assert first == [wire.INHERITED, inherited.origin, inherited.parts]
    metrics = {part.name: part for part in map(unpacked, second[1])}
    assert metrics["orders"].values == {'orders_total{shop="a"}': 2.0, 'orders_total{shop="b"}': 1.0}
    assert set(metrics["size"].values.values()) == {0.0}
    assert "ready" in metrics
    (third,) = reporter.frames()
    assert third == second


def test_answer_comes_from_another_thread_and_does_not_hold_up_the_loop() -> None:
    release = threading.Event()

    class Slow(Custom):
        def collect(self) -> Iterator[Metric]:
            assert release.wait(30)
            yield GaugeMetricFamily("slow", "Slow.", value=1)

    class Recorder(wire.FrameProtocol):
        def __init__(self) -> None:
            super().__init__(lambda *_: None, lambda _: None)
            self.messages: list[list[Any]] = []
            self.came = asyncio.Event()

        def send_message(self, message: list[Any]) -> None:
            self.messages.append(message)
            self.came.set()

    async def scenario() -> list[list[Any]]:
        Slow()
        recorder = Recorder()
        RegistryReporter().answer(recorder, asyncio.get_running_loop())
        await asyncio.sleep(0)
        assert recorder.messages == []
        release.set()
        await asyncio.wait_for(recorder.came.wait(), 30)
        return recorder.messages

    ((kind, parts, _),) = asyncio.run(scenario())
    assert kind == wire.METRICS
    assert unpacked(parts[0]).name == "slow"


def test_process_that_does_not_use_the_library_reports_nothing_and_does_not_import_it() -> None:
    code = (
        "import sys\n"
        "from bentoml.server.metrics.registry_report import Inherited, RegistryReporter, is_used\n"
        "import bentoml.server.workers.worker, bentoml.server.front.front\n"
        "assert not is_used() and Inherited.here() is None\n"
        "assert RegistryReporter().frames() == [[13, [], []]]\n"
        "assert 'prometheus_client' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_library_of_that_name_without_a_registry_is_reported_as_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(prometheus_client, "REGISTRY")
    assert RegistryReporter.frames(object.__new__(RegistryReporter)) == [[wire.METRICS, [], []]]
